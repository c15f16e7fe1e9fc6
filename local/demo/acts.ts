import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { docker } from '../docker/docker.ts'
import { startLoad } from '../load/load.ts'
import type { ShownDeployment } from '../team/operators.ts'
import { toCommit, type Team } from '../team/team.ts'
import type { Act } from './act.ts'
import type { Screen } from './screen.ts'

export const app = 'demo-shop'
/** The container that somebody runs by hand. */
export const byHand = 'demo-shop-by-hand'
const image = 'acme/demo-shop'

export interface Stage {
  readonly team: Team
  readonly screen: Screen
  /** Where the app's users find it. */
  readonly port: number
}

const ratePerSecond = 50
/** Of load before and after each act, to see it begin and end well. */
const calmMilliseconds = 1000

/** Plays one act under a constant load; what it gives is the act's result without the load's. */
const underLoad = async (
  { screen, port }: Stage,
  title: string,
  play: () => Promise<Omit<Act, 'title' | 'load'>>,
): Promise<Act> => {
  screen.begin(title)
  const load = startLoad({ url: `http://127.0.0.1:${port}/`, ratePerSecond, keepAliveClients: 8 })
  const stopWatching = screen.watch(() => load.result())
  try {
    await sleep(calmMilliseconds)
    const act = await play()
    await sleep(calmMilliseconds)
    stopWatching()
    return { title, load: await load.stop(), ...act }
  } finally {
    stopWatching()
    await load.stop()
  }
}

const answersWith = async (port: number, version: string): Promise<boolean> => {
  const text = await fetch(`http://127.0.0.1:${port}/`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(5000),
  }).then(
    (response) => response.text(),
    () => '',
  )
  return text.trim() === version
}

const waitForVersion = async (port: number, version: string): Promise<void> => {
  for (let tries = 0; tries < 2400; tries += 1) {
    if (await answersWith(port, version)) return
    await sleep(25)
  }
  throw new Error(`${version} was not served within a minute`)
}

const secondsSince = (begun: number): number => (performance.now() - begun) / 1000

const runByHand = async ({ team, port }: Stage, version: string): Promise<void> => {
  const name = `${team.registry}/${image}:${toCommit(version)}`
  await docker(['pull', '-q', name])
  await docker(['run', '-d', '--name', byHand, '-p', `${port}:8000`, name])
}

/** Stop, remove, pull, run: what the last job of many a pipeline does over ssh. */
export const deployByHand = async (stage: Stage): Promise<Act> => {
  const { team, port, screen } = stage
  await team.pushImage(image, toCommit('shop 1'), { VERSION: 'shop 1' })
  await team.pushImage(image, toCommit('shop 2'), { VERSION: 'shop 2', START_DELAY_SECONDS: '1' })
  await runByHand(stage, 'shop 1')
  await waitForVersion(port, 'shop 1')
  const act = await underLoad(stage, 'Your way today: docker stop, rm, pull, run', async () => {
    const begun = performance.now()
    screen.say('docker stop, docker rm')
    await docker(['stop', byHand])
    await docker(['rm', byHand])
    screen.say('docker pull, docker run')
    await runByHand(stage, 'shop 2')
    await waitForVersion(port, 'shop 2')
    const seconds = secondsSince(begun)
    return {
      ok: true,
      seconds,
      deployment: null,
      says: 'shop 2 serves; the requests in between were lost',
    }
  })
  return { ...act, ok: act.load.failed > 0 }
}

/** A commit is pushed, CI turns green, its image is there: one signed webhook does the rest. */
const release = async (
  { team, screen, port }: Stage,
  version: string,
  generation: number,
): Promise<{ seconds: number; deployment: ShownDeployment }> => {
  const commit = toCommit(version)
  const begun = performance.now()
  const answer = await team.endCi({ repository: image, commit })
  screen.say(
    `GitHub says that CI is green for ${commit.slice(0, 7)}: ${answer.status} ${answer.outcome}`,
  )
  const served = waitForVersion(port, version).then(() => secondsSince(begun))
  const deployment = await team.operators.waitForEnd(app, generation)
  if (deployment.status !== 'succeeded') {
    served.catch(() => undefined)
    throw new Error(
      `deployment #${generation} ended ${deployment.status}: ${deployment.reason ?? ''} ${deployment.message ?? ''}`,
    )
  }
  return { seconds: await served, deployment }
}

export const takeOver = async (stage: Stage): Promise<Act> => {
  await stage.team.pushImage(image, toCommit('shop 3'), { VERSION: 'shop 3' })
  return underLoad(stage, 'Landfall takes the container over, by a signed webhook', async () => {
    const { seconds, deployment } = await release(stage, 'shop 3', 1)
    const running = await docker(['inspect', '-f', '{{.State.Running}}', byHand])
    return {
      ok: running.trim() === 'false',
      seconds,
      deployment,
      says: 'the port changes hands once, hence the gap; your container is stopped and kept',
    }
  })
}

export const deployAgain = async (stage: Stage): Promise<Act> => {
  await stage.team.pushImage(image, toCommit('shop 4'), { VERSION: 'shop 4' })
  const act = await underLoad(stage, 'The next commit, under the same load', async () => {
    const { seconds, deployment } = await release(stage, 'shop 4', 2)
    return { ok: true, seconds, deployment, says: 'shop 4 serves' }
  })
  return { ...act, ok: act.load.failed === 0 }
}

export const refuseBroken = async (stage: Stage): Promise<Act> => {
  const { team, screen, port } = stage
  const commit = toCommit('shop 5')
  await team.pushImage(image, commit, { VERSION: 'shop 5', FAULT: 'exits' })
  const act = await underLoad(stage, 'A commit whose image is broken', async () => {
    const begun = performance.now()
    await team.endCi({ repository: image, commit })
    const deployment = await team.operators.waitForEnd(app, 3)
    const seconds = secondsSince(begun)
    const trace = deployment.steps.flatMap(({ tail }) => tail)
    for (const line of trace.slice(-8)) screen.say(`  | ${line}`)
    const ok =
      deployment.status === 'failed' &&
      trace.some((line) => line.includes('Cannot find module')) &&
      (await answersWith(port, 'shop 4'))
    return {
      ok,
      seconds,
      deployment,
      says: `refused (${deployment.reason ?? ''}); shop 4 serves on`,
    }
  })
  return { ...act, ok: act.ok && act.load.failed === 0 }
}

/** The command line that README shows, against the local endpoint. */
const invokeBySls = async ({ team }: Stage, name: string, input: unknown): Promise<string> => {
  const { endpoint, region, credentials } = team.stack.client
  const { stdout } = await promisify(execFile)(
    'npx',
    [
      'sls',
      'invoke',
      '-f',
      name,
      '--stage',
      'local',
      '--region',
      region,
      '-d',
      JSON.stringify(input),
    ],
    {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL: endpoint,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        LANDFALL_CONFIG: team.configuration,
      },
    },
  )
  return stdout
}

export const goBack = async (stage: Stage): Promise<Act> => {
  const { screen, port, team } = stage
  const revision = toCommit('shop 3')
  const act = await underLoad(stage, 'Back in seconds', async () => {
    screen.say(
      `npx sls invoke -f redeploy -d '{"app":"${app}","revision":"${revision.slice(0, 7)}…"}'`,
    )
    await invokeBySls(stage, 'redeploy', { app, revision })
    const begun = performance.now()
    await waitForVersion(port, 'shop 3')
    const seconds = secondsSince(begun)
    const deployment = await team.operators.waitForEnd(app, 4)
    return {
      ok: deployment.status === 'succeeded',
      seconds,
      deployment,
      says: 'shop 3 serves again',
    }
  })
  return { ...act, ok: act.ok && act.load.failed === 0 }
}
