import type { App } from '../deployment/app.ts'
import { readinessOf } from '../deployment/choose.ts'
import type { Head } from '../deployment/head.ts'
import type { Finding } from '../deployment/plan.ts'
import type { Revision } from '../deployment/revision.ts'
import type { HookKind, SeenHooks } from '../deployment/seen.ts'
import type { Instant } from '../kernel/clock.ts'
import type { Commit, Digest, RevisionId } from '../kernel/id.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import type { Result } from '../kernel/result.ts'
import { blockers, type Blocker } from '../deployment/blockers.ts'
import { isQuarantined, namesOf, type Quarantinable } from '../deployment/quarantine.ts'
import { hasEnded } from '../deployment/deployment.ts'

/** Why something could not be had, for people; never with a value of a secret. */
export interface Lack {
  readonly reason: Reason
  readonly message: string
}

/** What is looked at: the revision asked for, the newest that waits, the live one, or none yet. */
export interface Chosen {
  readonly from: 'input' | 'waiting' | 'live' | 'nothing'
  readonly id: RevisionId | null
  readonly commit: Commit | null
  /** What the journal knows of it. */
  readonly known: Revision | null
}

export interface AlarmFacts {
  readonly name: string
  readonly state: string
}

/** An event that a hook brings, and how people call it: `GitHub: Pushes`. */
export interface HookEvent {
  readonly kind: HookKind
  readonly event: string
}

export interface AppFacts {
  readonly app: App
  readonly head: Head
  readonly chosen: Chosen
  /** The names of its keys; null where the app names no secret. */
  readonly secret: Result<readonly string[], Lack> | null
  /** Whether the credentials can be used; null where the app names none. */
  readonly registry: Result<null, Lack> | null
  /** Null where the credentials for asking could not be had. */
  readonly image: {
    readonly reference: string
    readonly found: Result<Digest, { readonly reason: Reason }>
  } | null
  readonly alarms: Result<readonly AlarmFacts[], Lack>
  readonly seen: SeenHooks
  /** Those that the app needs. */
  readonly hooks: readonly HookEvent[]
  readonly now: Instant
}

const problem = (what: string, { reason, message }: Lack): Finding => ({
  level: 'problem',
  what,
  reason,
  message,
})

const warning = (what: string, reason: Reason, message: string): Finding => ({
  level: 'warning',
  what,
  reason,
  message,
})

const fine = (what: string, message: string): Finding => ({ level: 'fine', what, message })

const findSecret = ({ app, secret }: AppFacts): Finding => {
  if (secret === null) return fine('secret', 'the app names no secret')
  if (!secret.ok) return problem('secret', secret.error)
  const keys = secret.value.length === 0 ? 'no keys' : `the keys ${secret.value.join(', ')}`
  return fine('secret', `${app.secrets} has ${keys}`)
}

const findRegistry = ({ app, registry }: AppFacts): readonly Finding[] => {
  if (registry === null) return []
  return [
    registry.ok
      ? fine('registry', `${app.registry} holds a username and a password`)
      : problem('registry', registry.error),
  ]
}

const imageHelp: Partial<Record<Reason, string>> = {
  image_unlabelled:
    'set the label org.opencontainers.image.revision to the full commit, or tag the image with it',
  image_missing: 'push it under this tag, the full commit where the tag is {commit}',
  registry_unauthorized:
    'is its name right, and does `registry` name a token that may read it? A public image needs none',
  registry_unavailable: 'ask again in a minute',
}

const judgeImage = ({ app, chosen, image }: AppFacts): readonly Finding[] => {
  if (image === null) return []
  const { reference, found } = image
  if (found.ok) return [fine('image', `${reference} is ${found.value}`)]
  const { reason } = found.error
  if (chosen.from === 'nothing' && reason === 'image_missing')
    return [fine('image', `no revision is known yet; the registry can be asked for ${app.image}`)]
  const help = imageHelp[reason]
  const message = `${reference}: ${reasons[reason]}${help === undefined ? '' : ` What to do: ${help}.`}`
  // A revision that waits, waits for its image too.
  return chosen.from === 'waiting' && (reason === 'image_missing' || reason === 'image_unlabelled')
    ? [warning('image', reason, message)]
    : [problem('image', { reason, message })]
}

const findStanding = (
  { app, head, chosen, seen, now }: AppFacts,
  release: Quarantinable,
): readonly Finding[] => {
  const { from, id, known } = chosen
  if (from === 'nothing')
    return [warning('revision', 'evidence_missing', 'no revision is known yet: push a commit')]
  const names = [...(id === null ? [] : [namesOf(id)]), ...(known === null ? [] : [known])]
  if ([release, ...names].some((one) => isQuarantined(head, one)))
    return [warning('revision', 'quarantined', reasons.quarantined)]
  if (from === 'live') return [fine('revision', `${id} is live`)]
  if (known === null)
    return [warning('revision', 'ci_missing', `nothing is known of ${id}; ${reasons.ci_missing}`)]
  const standing = readinessOf(head, app, known, seen, now)
  switch (standing.kind) {
    case 'lacking': {
      const what = standing.what.join(', ')
      return [warning('revision', 'evidence_missing', `${id} still lacks: ${what}`)]
    }
    case 'ended':
      return [warning('revision', standing.reason, `${id}: ${reasons[standing.reason]}`)]
    case 'open':
      return []
    case 'ready':
      return [fine('revision', `${id} has what the app requires`)]
  }
}

const tellBlocker = (blocker: Blocker): Finding => {
  const { reason } = blocker
  switch (reason) {
    case 'going_back': {
      const { generation, reason: why, by } = blocker.request
      const what = `#${generation} is to be taken back (${why}, by ${by})`
      return warning('rollback', reason, `${what}; what comes next waits for it`)
    }
    case 'deployment_open': {
      const { deployment } = blocker
      const what = hasEnded(deployment)
        ? `#${deployment.generation} has ended and its record is about to be written`
        : `#${deployment.generation} is open until ${deployment.deadlineAt} at the latest`
      return warning('deployment', reason, `${what}; what comes next waits for it`)
    }
    case 'app_frozen':
      return warning('freeze', reason, `frozen by ${blocker.freeze.by}: ${blocker.freeze.reason}`)
    case 'request_pending':
      return warning('request', reason, reasons.request_pending)
    case 'quarantined':
      return warning('revision', reason, reasons.quarantined)
  }
}

/** What holds any deployment of the app back now. */
const findHold = ({ head }: AppFacts): readonly Finding[] =>
  blockers(head, { kind: 'deploy', force: false, content: null }).map(tellBlocker)

const findAlarms = ({ app, alarms }: AppFacts): readonly Finding[] => {
  const wanted = app.rollback?.alarms ?? []
  if (!alarms.ok) return [{ ...problem('alarm', alarms.error), level: 'warning' }]
  return wanted.map((name): Finding => {
    const state = alarms.value.find((alarm) => alarm.name === name)?.state
    if (state === undefined)
      return {
        level: 'problem',
        what: 'alarm',
        message: `there is no alarm ${name} here: create it in this region, or correct rollback.alarms`,
      }
    return state === 'ALARM'
      ? {
          level: 'warning',
          what: 'alarm',
          message: `${name} is firing: it takes nothing back before it has been OK`,
        }
      : fine('alarm', `${name} is ${state}`)
  })
}

const findHooks = ({ hooks, seen }: AppFacts): readonly Finding[] =>
  hooks.map(({ kind, event }) => {
    const at = seen[kind]
    return at === undefined
      ? {
          level: 'warning',
          what: 'hook',
          message: `${event}: none was seen yet; the function hooks tells what to enter and to tick`,
        }
      : fine('hook', `${event}: last seen at ${at}`)
  })

/** What is wrong with the app as a whole, and what is not; `release` is what would go out. Pure. */
export const findOnApp = (facts: AppFacts, release: Quarantinable): readonly Finding[] => [
  ...findHold(facts),
  ...findStanding(facts, release),
  ...judgeImage(facts),
  findSecret(facts),
  ...findRegistry(facts),
  ...findAlarms(facts),
  ...findHooks(facts),
]
