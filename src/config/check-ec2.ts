import { rollingSeconds } from '../deployment/deadline.ts'
import { longestPause } from '../deployment/wave.ts'
import { checkHostAccess } from './check-volumes.ts'
import { toInterval } from './health.ts'
import { mistaken, warned, type Mistake, type Path } from './mistake.ts'
import type { AppFile, Ec2File } from './schema.ts'

/** Longer than an ordinary request takes, and little beside the start that the held requests wait for anyway. */
export const defaultDrainSeconds = 5

/** How long the old container may take: `stops` names the settings. */
const toStop = ({ strategy, run, drain = defaultDrainSeconds }: Ec2File) => {
  if (strategy === 'worker') return { seconds: run.stopTimeout, stops: 'run.stopTimeout' }
  return strategy === 'recreate'
    ? { seconds: drain + run.stopTimeout, stops: 'drain and run.stopTimeout' }
    : { seconds: 2 * run.stopTimeout, stops: 'twice run.stopTimeout' }
}

/**
 * How long an instance may wait in one deployment, in seconds, without pull and predeploy. A web app waits
 * for the old container twice: until its last request is answered, then until it has ended (`drain_slot`
 * and `stop_container` of `host/`).
 */
export const longestSeconds = (ec2: Ec2File): number =>
  toStop(ec2).seconds +
  (ec2.strategy === 'worker' ? Math.ceil(toInterval(ec2) * ec2.health.times) : ec2.health.timeout)

const checkChoices = (path: Path, { instances, strategy, run }: Ec2File): readonly Mistake[] => {
  const { tag, ids } = instances
  const isWithoutTag = tag === undefined
  return [
    ...(isWithoutTag === (ids === undefined)
      ? mistaken(
          [...path, 'instances'],
          isWithoutTag
            ? 'has neither tag nor ids: { tag: "Name=lettings" } or { ids: [i-0123456789abcdef0] }'
            : 'has both tag and ids; remove one of them',
        )
      : []),
    ...(strategy === undefined && run.volumes.length > 0
      ? mistaken(
          [...path, 'strategy'],
          'is missing: volumes require a choice. blue-green runs the old and the new container at the same time on the same files, and no request waits; recreate stops the old one first, which SQLite and other files for one process require, and requests wait meanwhile',
        )
      : []),
  ]
}

/** A worker gets no requests; every other container must be reachable. */
const checkReach = (path: Path, ec2: Ec2File): readonly Mistake[] => {
  if (ec2.strategy === 'worker') {
    const given = (['port', 'publish', 'trusted', 'hold', 'drain'] as const).filter(
      (key) => ec2[key] !== undefined,
    )
    const useless = [...given, ...(ec2.hosts.length > 0 ? (['hosts'] as const) : [])]
    return useless.flatMap((key) =>
      mistaken([...path, key], 'has no effect for a worker, which gets no requests'),
    )
  }
  return [
    ...(ec2.drain !== undefined && ec2.strategy !== 'recreate'
      ? mistaken(
          [...path, 'drain'],
          'has an effect for recreate only: with blue-green no request waits for the last ones of the old release, which have run.stopTimeout',
        )
      : []),
    ...(ec2.trusted !== undefined && ec2.publish?.address?.startsWith('127.')
      ? mistaken(
          [...path, 'trusted'],
          'has no effect where publish has a loopback address: only programs of the instance come that way, and are trusted; remove it',
        )
      : []),
    ...(ec2.port === undefined
      ? mistaken([...path, 'port'], 'is missing: on which port does the container listen?')
      : []),
    ...(ec2.publish === undefined
      ? mistaken(
          [...path, 'publish'],
          'is missing: on which port of the instance is the app reached? (80, or "127.0.0.1:8080" behind your own proxy)',
        )
      : []),
  ]
}

/** Finds timeouts that `hold` or the deadline cuts short. */
const checkTimes = (path: Path, ec2: Ec2File, app: AppFile): readonly Mistake[] => {
  const { health, hold, predeploy } = ec2
  const longest = longestSeconds(ec2)
  const isWorker = ec2.strategy === 'worker'
  const { stops, seconds } = toStop(ec2)
  const besides = predeploy === undefined ? '' : ', plus the time of predeploy'
  const mistakes = [
    health.timeout < toInterval(ec2) * health.times &&
      mistaken(
        [...path, 'health', 'timeout'],
        `ends before the container can answer ${health.times} times, every ${toInterval(ec2)}s`,
      ),
    ec2.strategy === 'recreate' &&
      hold !== undefined &&
      hold < longest &&
      warned(
        [...path, 'hold'],
        `stopping (${stops}, ${seconds}s: for its requests, then for its end) and checking (health.timeout ${health.timeout}s) may take ${longest}s${besides}; requests that have waited ${hold}s fail`,
      ),
    longest > (app.deadline * 2) / 3 &&
      warned(
        [...path, 'health', 'timeout'],
        `one instance may take ${longest}s (${stops} and ${isWorker ? 'health.interval × times' : 'health.timeout'}), which is long for the deadline of ${app.deadline}s: a third of it is reserved for restoring the old release`,
      ),
  ]
  return mistakes.flatMap((found) => found || [])
}

/** A rollout whose first pause exceeds its time never reaches a second instance. */
const checkPause = (path: Path, { rollout }: Ec2File, { deadline }: AppFile): readonly Mistake[] =>
  longestPause(rollout.pause) < rollingSeconds(deadline)
    ? []
    : mistaken(
        [...path, 'rollout', 'pause'],
        `may take ${longestPause(rollout.pause)}s (a tick once a minute ends it), but of the deadline of ${deadline}s the rollout has ${Math.floor(rollingSeconds(deadline))}s: the rest is reserved for restoring the old release`,
      )

export const checkEc2 = (path: Path, ec2: Ec2File, app: AppFile): readonly Mistake[] => [
  ...checkChoices(path, ec2),
  ...checkReach(path, ec2),
  ...checkHostAccess(path, ec2),
  ...checkTimes(path, ec2, app),
  ...checkPause(path, ec2, app),
]
