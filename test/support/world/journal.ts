import { isDeepStrictEqual } from 'node:util'
import type { Ended, Release } from '../../../src/deployment/deployment.ts'
import { createHead, type Head } from '../../../src/deployment/head.ts'
import {
  askedAgain,
  ciKey,
  isToCompare,
  type CiEvidence,
  type Evidence,
  type Revision,
} from '../../../src/deployment/revision.ts'
import type { HookKind } from '../../../src/deployment/seen.ts'
import type { StepRecord } from '../../../src/deployment/step.ts'
import { decide, evolve } from '../../../src/deployment/transition.ts'
import type { Observation } from '../../../src/deployment/observation.ts'
import { mergeEvidence } from '../../../src/journal/merge-evidence.ts'
import type { Instant } from '../../../src/kernel/clock.ts'
import { Commit, type AppName, type RevisionId } from '../../../src/kernel/id.ts'
import type { Label } from '../../../src/rollout/journal.ts'
import type { ReconcilePorts } from '../../../src/rollout/ports.ts'
import type { Call } from '../calls.ts'
import { viewDeployment, viewHead, type DeploymentView, type Views } from '../core-views.ts'
import { commitAt, orderAt, originAt } from '../examples.ts'
import type { WorldClock } from './clock.ts'

interface Outside {
  readonly clock: WorldClock
  /** Looks at each write of the head before it is made. */
  readonly checkWrite: (before: Views, after: Views) => void
  readonly breach: (what: string, ...details: readonly unknown[]) => void
}

const freshRevision = (app: AppName, id: RevisionId, at: Instant): Revision => ({
  app,
  id,
  commit: Commit.safeParse(id).data ?? null,
  status: 'waiting',
  reason: null,
  firstSeenAt: at,
  waitingSince: at,
  ci: {},
  push: null,
  image: null,
  digest: null,
  asked: null,
  moved: null,
  lookedUp: null,
  lacked: null,
  version: 0,
})

const runOf = (
  index: number,
  attempt: number,
  conclusion: CiEvidence['conclusion'],
): CiEvidence => ({
  kind: 'ci',
  ci: 'github',
  workflow: 'CI',
  workflowId: null,
  runId: String(index),
  runNumber: orderAt(index).number,
  attempt,
  createdAt: orderAt(index).createdAt,
  conclusion,
  origin: originAt(index),
})

/** The revisions of an app, each written under its condition. */
const createRevisions = (app: AppName, clock: WorldClock) => {
  const revisions = new Map<RevisionId, Revision>()
  /** What the other apps know. */
  const elsewhere = new Map<RevisionId, Revision>()
  const waiting = () => [...revisions.values()].filter(({ status }) => status === 'waiting')

  const replace = (revision: Revision): 'recorded' | 'conflict' => {
    if (revisions.get(revision.id)?.version !== revision.version) return 'conflict'
    revisions.set(revision.id, { ...revision, version: revision.version + 1 })
    return 'recorded'
  }

  const takeIn = (id: RevisionId, evidence: Evidence): 'recorded' | 'unchanged' => {
    const known = revisions.get(id) ?? freshRevision(app, id, clock.instant())
    const merged = mergeEvidence(known, evidence, clock.instant())
    if (merged === null) return 'unchanged'
    revisions.set(id, { ...merged, version: merged.version + 1 })
    return 'recorded'
  }

  const toPorts = (call: Call): Pick<ReconcilePorts, 'revisions' | 'recordEvidence'> => ({
    revisions: {
      loadWaiting: () => call('revisions.loadWaiting', waiting),
      loadOpen: () =>
        call('revisions.loadOpen', () =>
          [...revisions.values()].filter((one) => one.status === 'waiting' || isToCompare(one)),
        ),
      load: (name, id) =>
        call('revisions.load', () => (name === app ? revisions : elsewhere).get(id) ?? null),
      recordStatus: (revision, status, reason) =>
        call('revisions.recordStatus', () => replace({ ...revision, status, reason })),
      recordAsked: (revision, found, at) =>
        call('revisions.recordAsked', () => {
          const { digest, reason, wait } = found.ok
            ? { digest: found.value, reason: null, wait: null }
            : { digest: null, reason: found.error.reason, wait: found.error.retryAfterSeconds }
          replace({ ...revision, digest, reason, asked: askedAgain(revision.asked, at, wait) })
        }),
      recordCompared: (revision, moved, wait, at) =>
        call('revisions.recordCompared', () => {
          replace({ ...revision, moved, asked: askedAgain(revision.asked, at, wait) })
        }),
      recordLookedUp: (revision, failure, at) =>
        call('revisions.recordLookedUp', () => {
          const wait = failure?.kind === 'later' ? failure.afterSeconds : null
          const asked = askedAgain(revision.lookedUp, at, wait)
          replace({ ...revision, lookedUp: { ...asked, trouble: failure?.why ?? null } })
        }),
    },
    recordEvidence: (_app, id, _commit, evidence) =>
      call('recordEvidence', () => takeIn(id, evidence)),
  })

  return {
    toPorts,
    waiting,
    controls: {
      revisions,
      elsewhere,
      /** The webhook has recorded this evidence. */
      receive: (id: RevisionId, evidence: Evidence): void => void takeIn(id, evidence),
      runOf,
      ciOf: (index: number) => revisions.get(commitAt(index))?.ci[ciKey('github', 'CI')] ?? null,
    },
  }
}

/** The deployments that have ended, and the steps on each instance. */
const createHistory = (breach: Outside['breach']) => {
  const kept = new Map<number, Ended>()
  const deployments = new Map<number, DeploymentView>()
  const steps = new Map<string, StepRecord>()
  const releases: Release[] = []

  const keep = (deployment: Ended): void => {
    kept.set(deployment.generation, deployment)
    deployments.set(deployment.generation, viewDeployment(deployment))
  }

  const recordDeployment = (deployment: Ended): void => {
    const next = viewDeployment(deployment)
    const earlier = deployments.get(next.generation)
    // As the journal does it: that it was taken back since is not undone.
    if (earlier !== undefined && earlier.rolledBackBy !== null) return
    if (earlier !== undefined && !isDeepStrictEqual(earlier, next))
      breach('two endings in the history', earlier, next)
    if (next.phase !== 'ended') breach('an open deployment in the history', next)
    keep(deployment)
  }

  const toPort = (call: Call): ReconcilePorts['history'] => ({
    recordRelease: (_app, release) =>
      call('history.recordRelease', () => {
        releases.push(release)
      }),
    hasRelease: (_app, release) =>
      call('history.hasRelease', () => releases.some((one) => isDeepStrictEqual(one, release))),
    recordDeployment: (_app, deployment) =>
      call('history.recordDeployment', () => recordDeployment(deployment)),
    recordRolledBack: (_app, generation, by) =>
      call('history.recordRolledBack', () => {
        const taken = kept.get(generation)
        if (taken !== undefined) keep({ ...taken, status: 'rolled_back', rolledBackBy: by })
      }),
    recordSteps: (_app, records) =>
      call('history.recordSteps', () => {
        for (const one of records) steps.set(`${one.generation} ${one.instance} ${one.fence}`, one)
      }),
    loadDeployment: (_app, generation) =>
      call('history.loadDeployment', () => kept.get(generation) ?? null),
    loadDeployments: () =>
      call('history.loadDeployments', () =>
        [...kept.values()].toSorted((a, b) => b.generation - a.generation),
      ),
    loadSteps: (_app, generation) =>
      call('history.loadSteps', () =>
        [...steps.values()].filter((one) => one.generation === generation),
      ),
  })

  return { deployments, steps, toPort }
}

/** The journal in memory, under its conditions. */
export const createJournal = (app: AppName, { clock, checkWrite, breach }: Outside) => {
  let head: Head = createHead(app)
  const writes: Views[] = []
  const revisions = createRevisions(app, clock)
  const { deployments, steps, toPort: toHistory } = createHistory(breach)
  const commandIndex = new Map<string, string>()
  const labels: Label[] = []
  const seen: Record<string, Instant> = {}
  const view = () => viewHead(head, clock.instant())

  const record = (next: Head, expected: number): 'recorded' | 'conflict' => {
    if (head.version !== expected) return 'conflict'
    const after = viewHead(next, clock.instant())
    checkWrite(view(), after)
    head = next
    writes.push(after)
    return 'recorded'
  }

  const toPorts = (call: Call) => ({
    ...revisions.toPorts(call),
    heads: {
      load: () => call('heads.load', () => head),
      record: (next: Head, expected: number) => call('heads.record', () => record(next, expected)),
      listOpen: () =>
        call('heads.listOpen', () =>
          view().hasWork || revisions.waiting().some(({ reason }) => reason !== 'manual')
            ? [app]
            : [],
        ),
    },
    seen: { load: () => call('seen.load', () => seen) },
    labels: {
      load: () => call('labels.load', () => [...labels].reverse()),
      record: (_app: AppName, label: Label) => call('labels.record', () => void labels.push(label)),
    },
    history: toHistory(call),
    commands: {
      recordCommand: (command: string, name: AppName) =>
        call('commands.recordCommand', () => {
          commandIndex.set(command, name)
        }),
      findApp: () => call('commands.findApp', () => app),
    },
  })

  return {
    toPorts,
    deployments,
    steps,
    controls: {
      ...revisions.controls,
      deployments,
      steps,
      /** Each write of the head, as it can be seen. */
      writes,
      /** What can be seen of the head. */
      core: view,
      /** An operator's input, written at once as the functions for people do it. */
      give: (observation: Observation): void => {
        const decided = decide(head, observation, clock.instant())
        if (!decided.ok || decided.value.length === 0) return
        record(evolve(head, decided.value, clock.instant()), head.version)
      },
      /** A holder of the right to write heads has written this one over it. */
      forge: (change: (head: Head) => Head): void => {
        head = change(head)
      },
      /** The webhook has taken an event of this kind. */
      see: (kind: HookKind) => {
        seen[kind] = clock.instant()
      },
    },
  }
}
