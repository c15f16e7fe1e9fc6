import { setTimeout as sleep } from 'node:timers/promises'
import { startLoad } from '../load/load.ts'
import type { ShownDeployment } from '../team/operators.ts'
import { toCommit, type Team } from '../team/team.ts'
import type { Act, LoadedAct } from './act.ts'
import type { Screen } from './screen.ts'

export const app = 'demo-shop'
/** The container that somebody runs by hand. */
export const byHand = 'demo-shop-by-hand'
export const image = 'acme/demo-shop'
/** The CloudWatch alarm that the app names. */
export const alarmName = 'demo-shop-5xx'

export interface Stage {
  readonly team: Team
  readonly screen: Screen
  /** Where the app's users find it. */
  readonly port: number
}

const ratePerSecond = 50
/** Of load before and after each act, to see it begin and end well. */
export const calmMilliseconds = 1000

interface Scene {
  readonly title: string
  /** What a broken release answers: counted apart from requests that failed on their way. */
  readonly ownError?: string
}

/** Plays one act under a constant load; what it gives is the act's result without the load's. */
export const underLoad = async (
  { screen, port }: Stage,
  { title, ...options }: Scene,
  play: () => Promise<Omit<Act, 'title' | 'load'>>,
): Promise<LoadedAct> => {
  screen.begin(title)
  const url = `http://127.0.0.1:${port}/`
  const load = startLoad({ url, ratePerSecond, keepAliveClients: 8, ...options })
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

export const answersWith = async (port: number, answer: string): Promise<boolean> => {
  const text = await fetch(`http://127.0.0.1:${port}/`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(5000),
  }).then(
    (response) => response.text(),
    () => '',
  )
  return text.trim() === answer
}

export const waitForAnswer = async (port: number, answer: string): Promise<void> => {
  for (let tries = 0; tries < 2400; tries += 1) {
    if (await answersWith(port, answer)) return
    await sleep(25)
  }
  throw new Error(`${answer} was not served within a minute`)
}

export const secondsSince = (begun: number): number => (performance.now() - begun) / 1000

/** A commit is pushed, CI turns green, its image is there: one signed webhook does the rest. */
export const release = async (
  { team, screen, port }: Stage,
  version: string,
  generation: number,
  { answer = version, ...run }: { answer?: string; runNumber?: number; createdAt?: Date } = {},
): Promise<{ seconds: number; deployment: ShownDeployment }> => {
  const commit = toCommit(version)
  const begun = performance.now()
  const told = await team.endCi({ repository: image, commit, ...run })
  screen.say(
    `GitHub says that CI is green for ${commit.slice(0, 7)}: ${told.status} ${told.outcome}`,
  )
  const served = waitForAnswer(port, answer).then(() => secondsSince(begun))
  const deployment = await team.operators.waitForEnd(app, generation)
  if (deployment.status !== 'succeeded') {
    served.catch(() => undefined)
    throw new Error(
      `deployment #${generation} ended ${deployment.status}: ${deployment.reason ?? ''} ${deployment.message ?? ''}`,
    )
  }
  return { seconds: await served, deployment }
}
