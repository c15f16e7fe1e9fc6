import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import type { App } from '../deployment/app.ts'
import type { Notice } from '../deployment/notice.ts'
import { later, refused } from '../kernel/foreign.ts'
import { lazy } from '../kernel/lazy.ts'
import { noticeSent, type Reporter } from '../report/reporter.ts'
import { describeDenial, inTime, toAwsFailure } from './client.ts'

/** The event's `detail`; `docs/events.md` describes it, and a test holds the two together. */
const toDetail = (fact: Notice, app: App) => ({
  /** Raised if a field changes its meaning or is removed, not for a new field. */
  version: 1,
  id: `${app.name}:${fact.id}`,
  kind: fact.kind,
  app: app.name,
  environment: fact.deployment?.environment ?? app.environment,
  repository: app.repository,
  by: fact.by,
  at: fact.at,
  reason: fact.reason,
  message: fact.message,
  deployment:
    fact.deployment === null
      ? null
      : {
          generation: fact.deployment.generation,
          kind: fact.deployment.kind,
          commit: fact.deployment.commit,
          digest: fact.deployment.digest,
          takesBack: fact.deployment.takesBack,
          afterPredeploy: fact.deployment.afterPredeploy,
          origin: fact.deployment.origin,
          promotedFrom: fact.deployment.promotedFrom,
        },
})

/** Puts an event on the account's default bus. A notice may be sent twice, with the same `id`. */
export const createEventReporter = (
  create: () => EventBridgeClient = () => new EventBridgeClient({ maxAttempts: 2 }),
): Reporter => {
  const client = lazy(create)
  return async (fact, app) => {
    const entry = {
      Source: 'landfall',
      DetailType: 'Landfall Deployment State Change',
      Time: new Date(fact.at),
      Detail: JSON.stringify(toDetail(fact, app)),
    }
    try {
      const put = await client().send(new PutEventsCommand({ Entries: [entry] }), inTime())
      if ((put.FailedEntryCount ?? 0) === 0) return noticeSent
      const code = put.Entries?.[0]?.ErrorCode ?? 'unknown'
      const why = `EventBridge did not accept the event: ${code}`
      const isPassing = /^(InternalFailure|InternalException|ThrottlingException)$/.test(code)
      return isPassing ? later(why) : refused(why)
    } catch (error) {
      const failure = toAwsFailure(error)
      const { kind, code, message } = failure
      if (kind === 'denied')
        return refused(`EventBridge: ${describeDenial('events:PutEvents', failure)}`)
      const why = `EventBridge: ${code}: ${message}`
      return kind === 'refused' ? refused(why) : later(why)
    }
  }
}
