/** What came out of one side, section by section, each line in words. */
export interface Trace {
  /** Every command in order, fences renamed in the order of their first sending. */
  readonly commands: string[]
  /** The time that each command gives the host, in the order of `commands`. */
  readonly limits: number[]
  readonly cancels: string[]
  /** What each channel was told of each deployment, or of none; told twice is told once. */
  readonly notices: Map<string, string[]>
  readonly deployments: string[]
  /** By record, which is written again where it was lost. */
  readonly steps: Map<string, string>
  readonly revisions: string[]
  readonly operations: string[]
  readonly alarms: Set<string>
  readonly answers: string[]
  readonly serving: string[]
  /** What `status` shows whenever things may have come to rest, times aside. */
  readonly statuses: string[]
  readonly lookUps: string[]
  readonly crashes: string[]
}

export const createTrace = (): Trace => ({
  commands: [],
  limits: [],
  cancels: [],
  notices: new Map(),
  deployments: [],
  steps: new Map(),
  revisions: [],
  operations: [],
  alarms: new Set(),
  answers: [],
  serving: [],
  statuses: [],
  lookUps: [],
  crashes: [],
})

export interface Difference {
  readonly section: string
  /** Position in the section's lines. */
  readonly at: number
  readonly old: string
  readonly new: string
}

/** The clocks of the two sides may be this far apart, for one may look once more than the other. */
const limitTolerance = 5

/**
 * As a set: a channel that says "later", a run that dies and a restored journal each change the order,
 * and how soon after a death somebody else tells depends on how far the dead one was with its telling.
 */
const showNotices = ([key, told]: readonly [string, readonly string[]]): string =>
  `${key}: ${[...new Set(told)].sort().join(' | ')}`

const toSections = (trace: Trace): Readonly<Record<string, readonly string[]>> => ({
  commands: trace.commands,
  cancels: trace.cancels,
  notices: [...trace.notices].map(showNotices).sort(),
  deployments: trace.deployments,
  // In which order instances that answer one command are read is nobody's business.
  steps: [...trace.steps.values()].sort(),
  revisions: trace.revisions,
  operations: trace.operations,
  alarms: [...trace.alarms],
  answers: trace.answers,
  serving: trace.serving,
  statuses: trace.statuses,
  lookUps: trace.lookUps,
  crashes: trace.crashes,
})

const none = '(nothing)'

/** Each line of each section that differs. */
export const compareTraces = (old: Trace, fresh: Trace): readonly Difference[] => {
  const [before, after] = [toSections(old), toSections(fresh)]
  const differences = Object.entries(before).flatMap(([section, lines]): Difference[] => {
    const others = after[section] ?? []
    const length = Math.max(lines.length, others.length)
    return Array.from({ length }, (_, at) => at)
      .filter((at) => lines[at] !== others[at])
      .map((at) => ({ section, at, old: lines[at] ?? none, new: others[at] ?? none }))
  })
  const at = old.limits.findIndex(
    (limit, index) => Math.abs(limit - (fresh.limits[index] ?? limit)) > limitTolerance,
  )
  if (at === -1) return differences
  const [one, other] = [String(old.limits[at]), String(fresh.limits[at])]
  return [...differences, { section: 'limits', at, old: one, new: other }]
}

export type Coverage = Map<string, number>

export const count = (coverage: Coverage, what: string): void =>
  void coverage.set(what, (coverage.get(what) ?? 0) + 1)
