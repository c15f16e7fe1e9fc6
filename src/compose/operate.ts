import * as z from 'zod'
import { createNudge } from '../aws/lambda-nudge.ts'
import { environments, readEnvironment, type FunctionName } from '../config/environment.ts'
import { loadConfiguration } from '../config/load.ts'
import type { OperatorCommand } from '../deployment/operate.ts'
import { createAuditLog } from '../journal/audit-log.ts'
import { createHeads } from '../journal/heads.ts'
import { createJournalTable } from '../journal/table.ts'
import { systemClock } from '../kernel/clock.ts'
import { newNonce } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import { createOperate, type Operated } from '../rollout/operate.ts'
import { observe } from './observe.ts'
import { findApp, parseInput, refuse } from './operator.ts'

/** In JSON a character takes 3 bytes at most: the head reckons with it. */
export const shortText = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, { error: 'must hold no control characters' })

/** What every function takes that changes something. */
export const OperatorInput = z.strictObject({
  app: z.string(),
  by: shortText(100).default('operator'),
  requestId: shortText(100).optional(),
})
type OperatorInput = z.output<typeof OperatorInput>

export const nudgeAnyhow = async (nudge: Promise<void>, log: Log): Promise<void> => {
  await nudge.catch((error: unknown) => {
    log.warn('the nudge failed; the clock looks within a minute', { error: String(error) })
  })
}

export const repeated = 'This requestId was heard before; nothing was done again.'

const composeServices = (name: 'rollback' | 'cancel' | 'freeze' | 'unfreeze') => {
  const environment = readEnvironment(environments[name])
  const table = createJournalTable(environment.TABLE_NAME)
  return {
    operate: createOperate({
      heads: createHeads(table),
      auditLog: createAuditLog(table),
      clock: systemClock,
    }),
    nudge: createNudge(environment.RECONCILE_FUNCTION),
    configuration: loadConfiguration(),
  }
}

/** The handler of a function whose word the journal alone can follow; reconcile does the rest. */
export const composeOperate = <Input extends OperatorInput>(
  name: FunctionName & Parameters<typeof composeServices>[0],
  schema: z.ZodType<Input>,
  toWord: (input: Input) => OperatorCommand,
  reason: Reason,
  show: (operated: Operated) => Readonly<Record<string, unknown>> = () => ({}),
): ((input: unknown) => Promise<unknown>) =>
  observe(name, (log) => {
    let services: ReturnType<typeof composeServices> | null = null
    return async (given) => {
      const input = parseInput(schema, given)
      if (!input.ok) return input.error
      services ??= composeServices(name)
      const { operate, nudge, configuration } = services
      const app = findApp(configuration, input.value.app)
      if (!app.ok) return app.error
      const { by, requestId: id = newNonce() } = input.value
      const word = toWord(input.value)
      const operated = await operate({ app: app.value.name, word, by, id })
      if (!operated.ok) return refuse(operated.error)
      await nudgeAnyhow(nudge(app.value.name, null), log)
      const { isRepeated } = operated.value
      return {
        outcome: 'accepted',
        reason,
        app: app.value.name,
        ...(isRepeated ? {} : show(operated.value)),
        message: isRepeated ? repeated : reasons[reason],
      }
    }
  })
