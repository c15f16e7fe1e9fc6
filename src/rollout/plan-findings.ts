import { readinessOf } from '../deployment/choose.ts'
import type { Finding } from '../deployment/plan.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import { blockers, type Blocker } from '../deployment/blockers.ts'
import { describeUnnamed } from '../deployment/metadata.ts'
import { isQuarantined, namesOf } from '../deployment/quarantine.ts'
import type { Opening } from '../deployment/observation.ts'
import { hasEnded } from '../deployment/deployment.ts'
import type { RevisionId } from '../kernel/id.ts'
import { explainUnknownAlarms } from './gather-opening.ts'
import type { AppFacts } from './plan-facts.ts'
import { judgeNames, judgeRepository } from './evidence-findings.ts'
import { judgePlatforms } from './gone-images.ts'
import { renderRedeploy } from './promotion.ts'

const problem = (what: string, reason: Reason, message: string): Finding => ({
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

const judgeSecret = ({ app, secret }: AppFacts): Finding => {
  if (secret === null) return fine('secret', 'the app names no secret')
  if (!secret.ok) return problem('secret', secret.error.reason, secret.error.message)
  const keys = secret.value.length === 0 ? 'no keys' : `the keys ${secret.value.join(', ')}`
  return fine('secret', `${app.secrets} has ${keys}`)
}

const judgeRegistry = ({ app, registry }: AppFacts): readonly Finding[] => {
  if (registry === null) return []
  if (!registry.ok) return [problem('registry', registry.error.reason, registry.error.message)]
  return [fine('registry', `${app.registry} holds a username and a password`)]
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
  const { reason, message: told } = found.error
  if (chosen.from === 'nothing' && reason === 'image_missing')
    return [fine('image', `no revision is known yet; the registry can be asked for ${app.image}`)]
  const help = imageHelp[reason]
  const advice = help === undefined ? '' : ` What to do: ${help}.`
  const message = `${reference}: ${reasons[reason]}${told === undefined ? advice : ` ${told}.`}`
  // A waiting revision waits for its image too.
  const isAwaited = reason === 'image_missing' || reason === 'image_unlabelled'
  const level = chosen.from === 'waiting' && isAwaited ? warning : problem
  return [level('image', reason, message)]
}

/** A push of a tag whose commit is live is recorded, and brings nothing out. */
const judgeMoved = ({ stage, app, moved, image }: AppFacts): readonly Finding[] => {
  if (moved === null || image === null) return []
  const { commit, digest } = moved
  const message = `the tag of ${commit} names ${digest} by now, which is not live: the tag of a commit that is out brings nothing out. If it is to: ${renderRedeploy(stage, app.name, commit, [])}`
  return [{ level: 'warning', what: 'image', message }]
}

/** Images that no selected instance needs: where one needs them, the failure of the opening says so. */
const judgeGone = ({ platforms }: AppFacts, failure: OpeningFailure | null): readonly Finding[] => {
  const { message } = judgePlatforms(platforms, [])
  return message === null || failure?.reason === 'image_gone'
    ? []
    : [{ level: 'warning', what: 'image', message }]
}

const judgeReady = (facts: AppFacts, id: RevisionId): Finding => {
  const { stage, app, liveOn } = facts
  const complete = `${id} has what the app requires`
  if (liveOn === null) return fine('revision', complete)
  const places = liveOn.map((one) => `live on ${one.app} as #${one.generation}, `).join('')
  const message = `${complete}; ${places}it waits for: ${renderRedeploy(stage, app.name, id, liveOn)}`
  return warning('revision', 'manual', message)
}

const judgeRevision = (facts: AppFacts, release: Opening['release']): readonly Finding[] => {
  const { app, head, chosen, seen, now } = facts
  const { from, id, known } = chosen
  if (from === 'nothing')
    return [warning('revision', 'evidence_missing', 'no revision is known yet: push a commit')]
  const names = [...(id === null ? [] : [namesOf(id)]), ...(known === null ? [] : [known])]
  if ([release, ...names].some((one) => isQuarantined(head, one)))
    return [warning('revision', 'quarantined', reasons.quarantined)]
  if (from === 'live') return [fine('revision', `${id} is live`)]
  if (known === null)
    return [warning('revision', 'ci_missing', `nothing is known of ${id}; ${reasons.ci_missing}`)]
  const readiness = readinessOf(head, app, known, seen, now)
  switch (readiness.kind) {
    case 'lacking': {
      const what = readiness.what.join(', ')
      return [warning('revision', 'evidence_missing', `${id} still lacks: ${what}`)]
    }
    case 'ended':
      return [warning('revision', readiness.reason, `${id}: ${reasons[readiness.reason]}`)]
    case 'open':
      return []
    case 'ready':
      return [judgeReady(facts, known.id)]
  }
}

const describeBlocker = (blocker: Blocker): Finding => {
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

const judgeAlarms = ({ app, alarms }: AppFacts): readonly Finding[] => {
  if (!alarms.ok) {
    return [{ level: 'warning', what: 'alarm', message: explainUnknownAlarms(alarms.error) }]
  }
  return (app.rollback?.alarms ?? []).map((name): Finding => {
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

const judgeHooks = ({ hooks, seen }: AppFacts): readonly Finding[] =>
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

/** A new account has ten, and one push brings several webhooks beside the reconciler that each of them wakes. */
const fewFunctions = 100

const judgeConcurrency = ({ concurrency }: AppFacts): Finding => {
  const known = concurrency.ok ? concurrency.value : null
  if (known === null) {
    const why = concurrency.ok ? 'AWS leaves it out' : concurrency.error
    const message = `how many functions the account runs at a time is not known: ${why}`
    return { level: 'warning', what: 'concurrency', message }
  }
  const message = `the account runs ${known} functions at a time`
  if (known >= fewFunctions) return fine('concurrency', message)
  const loss = "Landfall's and others: a webhook that comes while all are busy is lost"
  const help = 'Ask for 1,000 (Service Quotas, AWS Lambda, Concurrent executions)'
  return { level: 'warning', what: 'concurrency', message: `${message}, ${loss}. ${help}` }
}

const judgeMetadata = ({ settings }: Opening['release']): readonly Finding[] => {
  const message = describeUnnamed(settings)
  return message === null ? [] : [{ level: 'warning', what: 'metadata', message }]
}

/** Everything about the app as a whole, good and bad; `release` is the one that would be deployed. Pure. */
export const findOnApp = (
  facts: AppFacts,
  {
    release,
    failure,
  }: { readonly release: Opening['release']; readonly failure: OpeningFailure | null },
): readonly Finding[] => [
  ...blockers(facts.head, { kind: 'deploy', force: false, content: null }).map(describeBlocker),
  ...judgeRevision(facts, release),
  ...judgeImage(facts),
  ...judgeMoved(facts),
  ...judgeGone(facts, failure),
  judgeSecret(facts),
  ...judgeRegistry(facts),
  ...judgeAlarms(facts),
  ...judgeRepository(facts),
  ...judgeNames(facts),
  ...judgeHooks(facts),
  judgeConcurrency(facts),
  ...judgeMetadata(release),
]

/** Why a deployment would end at its opening. */
export interface OpeningFailure {
  readonly reason: Reason
  readonly message: string | null
}

const openingSubjects: Partial<Record<Reason, string>> = {
  no_instances: 'instances',
  instance_in_two_targets: 'instance',
  too_many_instances: 'instances',
  pauses_too_long: 'rollout',
  envelope_too_large: 'envelope',
  secret_missing: 'secret',
  image_gone: 'image',
  instance_offline: 'instance',
  instance_untagged: 'instance',
  agent_too_old: 'instance',
}

/** The findings with the failure of the opening, as a problem; one that is found already has better advice. */
export const addFailure = (
  failure: OpeningFailure | null,
  found: readonly Finding[],
): readonly Finding[] => {
  if (failure === null) return found
  const { reason, message } = failure
  if (found.some((one) => one.reason === reason))
    return found.map((one) => (one.reason === reason ? { ...one, level: 'problem' } : one))
  const what = openingSubjects[reason] ?? 'deployment'
  return [problem(what, reason, message ?? reasons[reason]), ...found]
}
