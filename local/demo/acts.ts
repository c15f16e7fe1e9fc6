import { docker } from '../docker/docker.ts'
import { toCommit } from '../team/team.ts'
import type { Act } from './act.ts'
import {
  answersWith,
  app,
  byHand,
  image,
  release,
  secondsSince,
  underLoad,
  waitForAnswer,
  type Stage,
} from './stage.ts'

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
  await waitForAnswer(port, 'shop 1')
  const act = await underLoad(
    stage,
    { title: 'Your way today: docker stop, rm, pull, run' },
    async () => {
      const begun = performance.now()
      screen.say('docker stop, docker rm')
      await docker(['stop', byHand])
      await docker(['rm', byHand])
      screen.say('docker pull, docker run')
      await runByHand(stage, 'shop 2')
      await waitForAnswer(port, 'shop 2')
      const seconds = secondsSince(begun)
      return {
        ok: true,
        seconds,
        deployment: null,
        says: 'shop 2 serves; the requests in between were lost',
      }
    },
  )
  return { ...act, ok: act.load.failed > 0 }
}

export const takeOver = async (stage: Stage): Promise<Act> => {
  await stage.team.pushImage(image, toCommit('shop 3'), { VERSION: 'shop 3' })
  return underLoad(
    stage,
    { title: 'Landfall takes the container over, by a signed webhook' },
    async () => {
      const { seconds, deployment } = await release(stage, 'shop 3', 1)
      const running = await docker(['inspect', '-f', '{{.State.Running}}', byHand])
      return {
        ok: running.trim() === 'false',
        seconds,
        deployment,
        says: 'the port changes hands once, hence the gap; your container is stopped and kept',
      }
    },
  )
}

export const deployAgain = async (stage: Stage): Promise<Act> => {
  await stage.team.pushImage(image, toCommit('shop 4'), { VERSION: 'shop 4' })
  const act = await underLoad(
    stage,
    { title: 'The next commit, under the same load' },
    async () => {
      const { seconds, deployment } = await release(stage, 'shop 4', 2)
      return { ok: true, seconds, deployment, says: 'shop 4 serves' }
    },
  )
  return { ...act, ok: act.load.failed === 0 }
}

export const refuseBroken = async (stage: Stage): Promise<Act> => {
  const { team, screen, port } = stage
  const commit = toCommit('shop 5')
  await team.pushImage(image, commit, { VERSION: 'shop 5', FAULT: 'exits' })
  const act = await underLoad(stage, { title: 'A commit whose image is broken' }, async () => {
    const begun = performance.now()
    await team.endCi({ repository: image, commit })
    const deployment = await team.operators.waitForEnd(app, 3)
    const seconds = secondsSince(begun)
    const trace = deployment.steps.flatMap(({ tail = [] }) => tail)
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
