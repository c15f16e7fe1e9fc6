import * as z from 'zod'
import { createAuditLog } from '../journal/audit-log.ts'
import { createNudge } from '../aws/lambda-nudge.ts'
import { environments, readEnvironment } from '../config/environment.ts'
import { loadConfiguration } from '../config/load.ts'
import { createHeads } from '../journal/heads.ts'
import { createRevisions } from '../journal/revisions.ts'
import { createJournalTable } from '../journal/table.ts'
import { systemClock } from '../kernel/clock.ts'
import { newNonce, RevisionId } from '../kernel/id.ts'
import { reasons } from '../kernel/reason.ts'
import { createRedeploy } from '../rollout/redeploy.ts'
import { observe } from './observe.ts'
import { nudgeAnyhow, OperatorInput, repeated } from './operate.ts'
import { findApp, parseInput, refuse } from './operator.ts'

/** `npx sls invoke -f redeploy -d '{"app":"shop"}'` */
const Input = OperatorInput.extend({
  revision: RevisionId.optional(),
  force: z.boolean().default(false),
})

const composeServices = () => {
  const environment = readEnvironment(environments.redeploy)
  const table = createJournalTable(environment.TABLE_NAME)
  const redeploy = createRedeploy({
    heads: createHeads(table),
    revisions: createRevisions(table),
    auditLog: createAuditLog(table),
    clock: systemClock,
  })
  return {
    redeploy,
    nudge: createNudge(environment.RECONCILE_FUNCTION),
    configuration: loadConfiguration(),
  }
}

/** The handler of `redeploy`: answers at once; what becomes of it, `status` shows. */
export const composeRedeploy = (): ((input: unknown) => Promise<unknown>) =>
  observe('redeploy', (log) => {
    let services: ReturnType<typeof composeServices> | null = null
    return async (given) => {
      const input = parseInput(Input, given)
      if (!input.ok) return input.error
      services ??= composeServices()
      const { redeploy, nudge, configuration } = services
      const app = findApp(configuration, input.value.app)
      if (!app.ok) return app.error
      const { force, by, revision = null, requestId: id = newNonce() } = input.value
      const requested = await redeploy({ app: app.value, revision, force, by, id })
      if (!requested.ok) return refuse(requested.error)
      await nudgeAnyhow(nudge(app.value.name, null), log)
      const { open, isRepeated } = requested.value
      return open === null
        ? {
            outcome: 'accepted',
            reason: 'requested',
            app: app.value.name,
            revision: requested.value.revision,
            message: isRepeated ? repeated : reasons.requested,
          }
        : {
            outcome: 'accepted',
            reason: 'deployment_open',
            app: app.value.name,
            revision: requested.value.revision,
            generation: open,
            message: `Deployment #${open} brings this revision out already.`,
          }
    }
  })
