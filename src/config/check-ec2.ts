import { rollingSeconds } from '../deployment/deadline.ts'
import { longestPause } from '../deployment/wave.ts'
import { type Findings, gather, mistaken, warned, when } from './findings.ts'
import { longestSeconds } from './longest-seconds.ts'
import type { Path } from './mistake.ts'
import type { AppFile, Ec2File } from './schema.ts'

const checkSelectors = (path: Path, { tag, ids }: Ec2File['instances']): Findings =>
  when(
    (tag === undefined) === (ids === undefined),
    mistaken(
      [...path, 'instances'],
      tag === undefined
        ? 'says neither tag nor ids: { tag: "Name=lettings" } or { ids: [i-0123456789abcdef0] }'
        : 'says both tag and ids; which of the two?',
    ),
  )

const checkStrategy = (path: Path, ec2: Ec2File): Findings =>
  when(
    ec2.strategy === undefined && ec2.run.volumes.length > 0,
    mistaken(
      [...path, 'strategy'],
      'is missing: with volumes it must be chosen. blue-green runs the old and the new container at the same time on the same files, and no request waits; recreate stops the old one first, as SQLite and whatever else must not be opened twice needs, and requests wait meanwhile',
    ),
  )

/** A worker answers no requests; everything else needs to be reached. */
const checkReach = (path: Path, ec2: Ec2File): Findings => {
  if (ec2.strategy !== 'worker')
    return gather([
      when(
        ec2.port === undefined,
        mistaken([...path, 'port'], 'is missing: on which port does the container listen?'),
      ),
      when(
        ec2.publish === undefined,
        mistaken(
          [...path, 'publish'],
          'is missing: on which port of the instance shall it be reached? (80, or "127.0.0.1:8080" behind your own proxy)',
        ),
      ),
    ])
  const useless = (['port', 'publish', 'hold'] as const).filter((key) => ec2[key] !== undefined)
  return gather([
    ...useless.map((key) => mistaken([...path, key], 'is of no use to a worker: nobody asks it')),
    when(
      ec2.hosts.length > 0,
      mistaken([...path, 'hosts'], 'is of no use to a worker: nobody asks it'),
    ),
  ])
}

/** Rounds of waiting that the proxy or the deadline cuts short. */
const checkTimes = (path: Path, ec2: Ec2File, app: AppFile): Findings => {
  const { health, run, hold, predeploy } = ec2
  const longest = longestSeconds(ec2)
  const stops = ec2.strategy === 'worker' ? 'run.stopTimeout' : 'twice run.stopTimeout'
  const besides = predeploy === undefined ? '' : ', and predeploy takes its time besides'
  return gather([
    when(
      health.timeout < health.interval * health.times,
      mistaken(
        [...path, 'health', 'timeout'],
        `is over before the container could answer ${health.times} times, every ${health.interval}s`,
      ),
    ),
    when(
      ec2.strategy === 'recreate' && hold !== undefined && hold < longest,
      warned(
        [...path, 'hold'],
        `stopping (${stops}, ${run.stopTimeout}s: for its requests, then for its end) and checking (health.timeout ${health.timeout}s) may take ${longest}s${besides}; requests that waited ${hold}s by then fail`,
      ),
    ),
    when(
      longest > (app.deadline * 2) / 3,
      warned(
        [...path, 'health', 'timeout'],
        `one instance may take ${longest}s (${stops} and ${ec2.strategy === 'worker' ? 'health.interval × times' : 'health.timeout'}), which does not fit well into the deadline of ${app.deadline}s: a third of it is kept for bringing the old release back`,
      ),
    ),
  ])
}

/** A rollout whose first pause outlasts it never reaches a second instance. */
const checkPause = (path: Path, { rollout }: Ec2File, { deadline }: AppFile): Findings =>
  when(
    longestPause(rollout.pause) >= rollingSeconds(deadline),
    mistaken(
      [...path, 'rollout', 'pause'],
      `may take ${longestPause(rollout.pause)}s (the clock, which ends it, looks once a minute), and of the deadline of ${deadline}s the rollout has ${Math.floor(rollingSeconds(deadline))}s: the rest is kept for bringing the old release back`,
    ),
  )

export const checkEc2 = (path: Path, ec2: Ec2File, app: AppFile): Findings =>
  gather([
    checkSelectors(path, ec2.instances),
    checkStrategy(path, ec2),
    checkReach(path, ec2),
    checkTimes(path, ec2, app),
    checkPause(path, ec2, app),
  ])
