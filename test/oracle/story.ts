import { createRandom, type Random } from './random.ts'

/** A port call that a mishap can be tied to: those that both sides make equally often. */
export const mishapPlaces = [
  'start prepare',
  'start deploy',
  'start deploy',
  'start restore',
  'recordCommand',
  'recordSteps',
  'recordSteps',
  'recordDeployment',
  'recordRolledBack',
  'recordStatus',
  'recordAsked',
] as const

export const mishapKinds = [
  'dies_before',
  'dies_after',
  'throws_before',
  'throws_after',
  'pauses_before',
  'pauses_after',
] as const

/** What befalls the run that makes this call for the `nth` time in the story. */
export interface Mishap {
  readonly place: (typeof mishapPlaces)[number]
  readonly nth: number
  readonly kind: (typeof mishapKinds)[number]
}

/** What landfall.yml says at one time. The first one of a story is in force from the beginning. */
export interface Version {
  readonly batch: { readonly kind: 'count' | 'percent'; readonly value: number }
  readonly pauseSeconds: number
  readonly hasPredeploy: boolean
  readonly drift: 'repair' | 'report'
  readonly env: string
  readonly deadlineSeconds: number
  /** How many of the story's targets are named. */
  readonly targets: number
  readonly hasAlarms: boolean
  readonly secrets: 'recorded' | 'current'
}

export interface Setup {
  readonly seed: number
  /** Instances of each EC2 target. */
  readonly fleets: readonly number[]
  /** Whether a Render service comes first, last, or not at all. */
  readonly render: 'first' | 'last' | 'none'
  readonly requires: readonly ('github' | 'circleci' | 'image')[]
  readonly tag: '{commit}' | 'latest'
  readonly waitForSeconds: number
  readonly windowSeconds: number
  readonly hasSecret: boolean
  readonly hasReplaces: boolean
  readonly reports: readonly ('notice' | 'github' | 'sentry')[]
  /** How many of a hundred commands on a host go wrong, and of a hundred reports are not told. */
  readonly faultsPercent: number
  readonly untoldPercent: number
  /** How many of a hundred commands take longer than any run looks. */
  readonly slowPercent: number
  readonly versions: readonly [Version, ...Version[]]
  readonly mishaps: readonly Mishap[]
}

export type Happening =
  /** The clock looks, or an event does. */
  | { readonly kind: 'tick' | 'nudge' }
  | { readonly kind: 'minutes'; readonly count: number }
  | {
      readonly kind: 'green' | 'image' | 'hook' | 'push' | 'tag' | 'unlabel'
      readonly index: number
    }
  | {
      readonly kind: 'ci'
      readonly ci: 'github' | 'circleci'
      readonly index: number
      readonly attempt: number
      readonly conclusion: 'success' | 'failure'
    }
  /** Only GitHub's API tells of the run: the hook is lost. */
  | { readonly kind: 'lost hook'; readonly index: number }
  /** `push` events begin to come in. */
  | { readonly kind: 'see pushes' }
  | { readonly kind: 'break'; readonly index: number; readonly hosts: readonly number[] }
  | { readonly kind: 'alarm'; readonly alarm: string; readonly from: 'OK' | 'INSUFFICIENT_DATA' }
  /** It fires and its event is lost, or it is quiet again. */
  | { readonly kind: 'silent alarm' | 'quiet alarm'; readonly alarm: string }
  | { readonly kind: 'rollback'; readonly to: Named | null }
  | { readonly kind: 'cancel' | 'freeze' | 'unfreeze' }
  | { readonly kind: 'redeploy'; readonly revision: Named | null; readonly force: boolean }
  /** The last operator says the same again, under the same id. */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'online' | 'offline' | 'join' | 'leave' | 'new key'; readonly host: number }
  | {
      readonly kind: 'by hand'
      readonly host: number
      readonly serves: 'nothing' | 'other' | 'image'
    }
  | { readonly kind: 'down' | 'up'; readonly what: Service }
  | { readonly kind: 'rotate secret' | 'drop secrets' | 'backup' | 'restore' | 'resume' }
  | { readonly kind: 'secret missing' | 'secret there' }
  | { readonly kind: 'capacity'; readonly instances: number }
  | { readonly kind: 'version'; readonly index: number }
  /** The app is no longer in landfall.yml. */
  | { readonly kind: 'removed' }

export const services = ['ssm', 'secrets', 'cloudwatch', 'registry', 'github'] as const
export type Service = (typeof services)[number]

export type Named =
  | { readonly kind: 'generation'; readonly number: number }
  | { readonly kind: 'commit' | 'digest'; readonly index: number }

export interface Timed {
  /** Seconds after the beginning; later where what came before took longer. */
  readonly at: number
  readonly what: Happening
}

export interface Story {
  readonly setup: Setup
  readonly events: readonly Timed[]
}

export const commits = 8
export const alarms = ['errors', 'latency'] as const

const toVersion = (random: Random, targets: number, env: string): Version => ({
  batch: random.chance(0.75)
    ? { kind: 'count', value: random.int(1, 3) }
    : { kind: 'percent', value: random.pick([25, 50, 100]) },
  pauseSeconds: random.chance(0.7) ? 0 : random.pick([20, 30, 30, 60, 60, 90, 300]),
  hasPredeploy: random.chance(0.6),
  drift: random.chance(0.6) ? 'repair' : 'report',
  env,
  deadlineSeconds: random.pick([240, 300, 600, 900, 900, 1800]),
  targets,
  hasAlarms: random.chance(0.8),
  secrets: random.pick(['recorded', 'current']),
})

const toVersions = (random: Random, targets: number): readonly [Version, ...Version[]] => {
  const first = toVersion(random, targets, 'a')
  const more = Array.from({ length: random.int(0, 2) }, (_, index): Version => {
    const next = toVersion(
      random,
      random.chance(0.2) ? random.int(1, targets) : targets,
      `b${index}`,
    )
    return random.chance(0.5) ? next : { ...next, env: first.env }
  })
  return [first, ...more]
}

const toSetup = (random: Random, seed: number): Setup => {
  const fleets = random.chance(0.75) ? [random.int(1, 5)] : [random.int(1, 3), random.int(1, 3)]
  const render = random.chance(0.85) ? 'none' : random.pick<Setup['render']>(['first', 'last'])
  const targets = fleets.length + (render === 'none' ? 0 : 1)
  return {
    seed,
    fleets,
    render,
    requires: random.pick([
      ['github', 'image'],
      ['github', 'image'],
      ['github', 'image'],
      ['github', 'circleci', 'image'],
      ['image'],
    ]),
    tag: random.chance(0.8) ? '{commit}' : 'latest',
    waitForSeconds: random.pick([7 * 24 * 3600, 7 * 24 * 3600, 600]),
    windowSeconds: random.pick([600, 1800, 3600]),
    hasSecret: random.chance(0.6),
    hasReplaces: random.chance(0.2),
    reports: random.pick([[], ['notice'], ['github', 'notice'], ['notice', 'github', 'sentry']]),
    faultsPercent: random.pick([0, 5, 5, 15, 40]),
    slowPercent: random.pick([0, 0, 10, 30, 70]),
    untoldPercent: random.pick([0, 0, 10, 40]),
    versions: toVersions(random, targets),
    mishaps: Array.from({ length: random.pick([0, 0, 1, 1, 2, 3]) }, () => ({
      place: random.pick(mishapPlaces),
      nth: random.int(1, 6),
      kind: random.pick(mishapKinds),
    })),
  }
}

const toNamed = (random: Random): Named =>
  random.pick<Named>([
    { kind: 'generation', number: random.int(1, 3) },
    { kind: 'generation', number: random.int(1, 6) },
    { kind: 'commit', index: random.int(1, commits) },
    { kind: 'digest', index: random.int(1, commits) },
  ])

type Make = (random: Random, hosts: number, versions: number) => Happening

const index = (random: Random): number => random.int(1, commits)

/** Each with how often it happens beside the others. */
const makers: readonly (readonly [number, Make])[] = [
  [10, () => ({ kind: 'tick' })],
  [6, () => ({ kind: 'nudge' })],
  [8, (random) => ({ kind: 'minutes', count: random.int(1, 8) })],
  [1, (random) => ({ kind: 'minutes', count: random.pick([20, 65]) })],
  [12, (random) => ({ kind: 'green', index: index(random) })],
  [
    2,
    (random) => ({
      kind: random.pick(['image', 'hook', 'push', 'tag', 'unlabel']),
      index: index(random),
    }),
  ],
  [
    3,
    (random) => ({
      kind: 'ci',
      ci: random.pick(['github', 'github', 'circleci']),
      index: index(random),
      attempt: random.int(1, 3),
      conclusion: random.pick(['success', 'failure']),
    }),
  ],
  [1, (random) => ({ kind: 'lost hook', index: index(random) })],
  [0.3, () => ({ kind: 'see pushes' })],
  [
    2,
    (random, hosts) => ({
      kind: 'break',
      index: index(random),
      hosts: random.chance(0.5)
        ? [random.int(0, hosts - 1)]
        : Array.from({ length: hosts }, (_, i) => i),
    }),
  ],
  [
    4,
    (random) => ({
      kind: 'alarm',
      alarm: random.pick(alarms),
      from: random.pick(['OK', 'OK', 'INSUFFICIENT_DATA']),
    }),
  ],
  [
    1.5,
    (random) => ({
      kind: random.pick(['silent alarm', 'quiet alarm']),
      alarm: random.pick(alarms),
    }),
  ],
  [4, (random) => ({ kind: 'rollback', to: random.chance(0.6) ? null : toNamed(random) })],
  [2, () => ({ kind: 'cancel' })],
  [1.5, () => ({ kind: 'freeze' })],
  [2, () => ({ kind: 'unfreeze' })],
  [
    5,
    (random) => ({
      kind: 'redeploy',
      revision: random.chance(0.4) ? null : toNamed(random),
      force: random.chance(0.4),
    }),
  ],
  [1, () => ({ kind: 'repeat' })],
  [
    2.5,
    (random, hosts) => ({
      kind: random.pick(['online', 'offline']),
      host: random.int(0, hosts - 1),
    }),
  ],
  [
    0.6,
    (random, hosts) => ({ kind: random.pick(['join', 'leave']), host: random.int(0, hosts - 1) }),
  ],
  [1, (random, hosts) => ({ kind: 'new key', host: random.int(0, hosts - 1) })],
  [
    3,
    (random, hosts) => ({
      kind: 'by hand',
      host: random.int(0, hosts - 1),
      serves: random.pick(['nothing', 'other', 'image']),
    }),
  ],
  [1.5, (random) => ({ kind: random.pick(['down', 'up', 'up']), what: random.pick(services) })],
  [0.8, () => ({ kind: 'rotate secret' })],
  [0.5, () => ({ kind: 'drop secrets' })],
  [0.4, (random) => ({ kind: random.pick(['secret missing', 'secret there']) })],
  [2, () => ({ kind: 'resume' })],
  [0.6, (random) => ({ kind: 'capacity', instances: random.pick([0, 1, 2, 100, 100]) })],
  [1.5, (random, _, versions) => ({ kind: 'version', index: random.int(0, versions - 1) })],
  [0.2, () => ({ kind: 'removed' })],
]

const sum = makers.reduce((total, [weight]) => total + weight, 0)

const toHappening = (random: Random, hosts: number, versions: number): Happening => {
  let left = (random.int(0, 999_999) / 1_000_000) * sum
  for (const [weight, make] of makers) {
    left -= weight
    if (left < 0) return make(random, hosts, versions)
  }
  return { kind: 'tick' }
}

/** Most gaps are of seconds, in the middle of a command; some outlast a deadline or a window. */
const toGap = (random: Random): number =>
  random.chance(0.85)
    ? random.int(0, 40)
    : random.chance(0.8)
      ? random.int(41, 400)
      : random.int(401, 4000)

export const hostCount = ({ fleets, render }: Setup): number =>
  fleets.reduce((total, fleet) => total + fleet, 0) + (render === 'none' ? 0 : 1)

/** The journal is brought back to what it was some events before, and something is deployed after it. */
const restoredIn = (random: Random, events: readonly Timed[]): readonly Timed[] => {
  const middle = Math.floor(events.length / 2)
  const [from, to] = [random.int(0, middle - 1), random.int(middle, events.length - 1)]
  const at = events[to]?.at ?? 0
  const index = random.int(2, commits)
  return [
    ...events.slice(0, from),
    { at: events[from]?.at ?? 0, what: { kind: 'backup' } },
    ...events.slice(from, to),
    { at, what: { kind: 'restore' } },
    { at, what: { kind: 'green', index } },
    { at, what: { kind: 'tick' } },
    ...events.slice(to),
  ]
}

const settled = (random: Random): Happening => ({ kind: 'minutes', count: random.int(2, 5) })
const host = (random: Random, hosts: number): number => random.int(0, hosts - 1)

/** What seldom comes about by itself: each a few things in this order, seconds apart. */
const scenes: readonly [Scene, ...Scene[]] = [
  // A rollback is called off, and the alarm fires on.
  (random) => [
    { kind: 'green', index: random.int(2, 4) },
    settled(random),
    { kind: 'green', index: random.int(5, 8) },
    settled(random),
    { kind: 'alarm', alarm: 'errors', from: 'OK' },
    { kind: 'cancel' },
    { kind: 'alarm', alarm: 'latency', from: random.pick(['OK', 'INSUFFICIENT_DATA']) },
    settled(random),
  ],
  // Several releases are passed on the way back, and one of them is wanted all the same.
  (random) => [
    ...[2, 3, 4].flatMap((index): Happening[] => [{ kind: 'green', index }, settled(random)]),
    { kind: 'rollback', to: { kind: 'generation', number: random.int(1, 3) } },
    settled(random),
    {
      kind: 'redeploy',
      revision: { kind: random.pick(['commit', 'digest']), index: random.int(2, 4) },
      force: random.chance(0.7),
    },
    settled(random),
    { kind: 'rollback', to: null },
    settled(random),
  ],
  // Somebody cannot be reached while the others go back, and comes later.
  (random, hosts) => [
    { kind: 'green', index: random.int(3, 6) },
    settled(random),
    { kind: 'offline', host: host(random, hosts) },
    { kind: 'rollback', to: null },
    { kind: 'minutes', count: random.int(2, 9) },
    { kind: 'online', host: host(random, hosts) },
    { kind: 'minutes', count: random.int(3, 12) },
  ],
  // An instance cannot be brought to what is live, and is tried again and again.
  (random, hosts) => [
    { kind: 'break', index: 1, hosts: [host(random, hosts)] },
    { kind: 'by hand', host: host(random, hosts), serves: random.pick(['nothing', 'other']) },
    { kind: 'offline', host: host(random, hosts) },
    { kind: 'minutes', count: 62 },
    { kind: 'online', host: host(random, hosts) },
    { kind: 'minutes', count: 15 },
  ],
  // A release with other settings fails, and what was live comes back with its own.
  (random, hosts) => [
    { kind: 'version', index: 1 },
    { kind: 'break', index: 5, hosts: [hosts - 1] },
    { kind: 'green', index: 5 },
    settled(random),
    { kind: 'redeploy', revision: null, force: false },
    settled(random),
    { kind: 'rollback', to: null },
    settled(random),
  ],
  // An alarm fires before, while or after something is sent; a second one soon after.
  (random) => [
    { kind: random.pick(['silent alarm', 'quiet alarm']), alarm: 'errors' },
    { kind: 'green', index: random.int(3, 6) },
    { kind: random.pick(['tick', 'nudge']) },
    { kind: 'alarm', alarm: 'errors', from: random.pick(['OK', 'INSUFFICIENT_DATA']) },
    settled(random),
    { kind: 'green', index: 7 },
    settled(random),
    { kind: 'alarm', alarm: 'latency', from: 'OK' },
    settled(random),
  ],
]

type Scene = (random: Random, hosts: number) => readonly Happening[]

/** Lets a scene take place between two events; what comes after it is later. */
const stage = (random: Random, hosts: number, events: readonly Timed[]): readonly Timed[] => {
  const from = random.int(0, events.length)
  let at = events[from - 1]?.at ?? 0
  const begun = at
  const played = random
    .pick(scenes)(random, hosts)
    .map((what): Timed => {
      at += what.kind === 'minutes' ? 0 : random.int(0, 30)
      const one = { at, what }
      at += what.kind === 'minutes' ? what.count * 60 : 0
      return one
    })
  const later = events.slice(from).map((one) => ({ ...one, at: one.at + at - begun }))
  return [...events.slice(0, from), ...played, ...later]
}

const heard: readonly Happening['kind'][] = ['green', 'rollback', 'redeploy', 'cancel', 'alarm']

const begin = (random: Random, setup: Setup, events: readonly Timed[]): Story => {
  // Something is live before the trouble begins, in most of them.
  if (random.chance(0.15)) return { setup, events }
  const first: readonly Timed[] = [
    { at: 0, what: { kind: 'green', index: 1 } },
    { at: 1, what: { kind: 'minutes', count: 3 } },
  ]
  return { setup, events: [...first, ...events.map((one) => ({ ...one, at: one.at + 200 }))] }
}

export const createStory = (seed: number): Story => {
  const random = createRandom(seed)
  const setup = toSetup(random, seed)
  const hosts = hostCount(setup)
  let at = 0
  const loose = Array.from({ length: random.int(6, 24) }, (): readonly Timed[] => {
    at += toGap(random)
    const what = toHappening(random, hosts, setup.versions.length)
    // Most of what is said is followed by a look: its nudge came through.
    const isHeard = random.chance(heard.includes(what.kind) ? 0.6 : 0)
    return isHeard
      ? [
          { at, what },
          { at, what: { kind: 'nudge' } },
        ]
      : [{ at, what }]
  }).flat()
  const events = random.chance(0.5) ? stage(random, hosts, loose) : loose
  if (random.chance(0.2)) {
    // What a channel has not been told by then is lost with the table: no channel is busy here.
    const patient = { ...setup, untoldPercent: 0 }
    return begin(random, patient, restoredIn(random, events))
  }
  return begin(random, setup, events)
}
