import { isToken, keptSeconds, toBearer, type Authorization } from '../api/client.ts'
import { addSeconds, toInstant, type Clock } from '../kernel/clock.ts'
import { later, refused, type ForeignFailure } from '../kernel/foreign.ts'
import type { Reason } from '../kernel/reason.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { ReadSecret } from '../secrets/app-secret.ts'

/** Why a service did not do what was asked. */
export type ServiceFailure = ForeignFailure & { readonly reason: Reason }

/** The API key of a target, from the secret that its `token` names. */
export const readApiKey = async (
  readSecret: ReadSecret,
  name: string,
  clock: Clock,
): Promise<Result<Authorization, ServiceFailure>> => {
  const secret = await readSecret(name, null)
  if (!secret.ok) {
    const { reason, message } = secret.error
    return reason === 'secret_unavailable'
      ? fail({ ...later(message), reason: 'target_unavailable' })
      : fail({ ...refused(message), reason })
  }
  // `create-secret --secret-string file://…` takes the file's last line break along.
  const key = secret.value.value.reveal().trim()
  if (!isToken(key)) {
    const why = `the secret ${name} is not one API key on one line`
    return fail({ ...refused(why), reason: 'target_unauthorized' })
  }
  const keptUntil = addSeconds(toInstant(clock()), keptSeconds)
  return succeed({ header: toBearer(new Redacted(key)), keptUntil })
}
