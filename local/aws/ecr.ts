import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { Account } from './account.ts'
import type { AccountClock } from './account-clock.ts'
import type { Principal } from './credentials.ts'
import type { Authorizer } from './iam/authorizer.ts'
import { operation, type Operations } from './operation.ts'

/**
 * Whether a registry takes this password of the user `AWS`, and for this action on this repository's ARN: whoever took the
 * token, its role has to allow it. No action: whether it is a token at all.
 */
export type JudgeEcrPassword = (
  password: string,
  pull?: { readonly action: string; readonly resource: string },
) => 'valid' | 'denied' | 'expired' | 'unknown'

const validSeconds = 12 * 60 * 60

/** Of the form that ECR's have: JSON in base64, some two thousand characters of it. */
const createPassword = (expiresAt: Date): string => {
  const random = (bytes: number): string => randomBytes(bytes).toString('base64')
  const fields = { payload: random(1100), datakey: random(170), version: '2', type: 'DATA_KEY' }
  const expiration = Math.floor(expiresAt.getTime() / 1000)
  return Buffer.from(JSON.stringify({ ...fields, expiration })).toString('base64')
}

/** ECR's tokens. The registry that takes them is a program of its own. */
export const createEcr = (
  { id, region }: Account,
  clock: AccountClock,
  authorizer: Pick<Authorizer, 'permits'>,
): { readonly operations: Operations; readonly judgePassword: JudgeEcrPassword } => {
  const tokens = new Map<string, { readonly expiresAt: Date; readonly caller: Principal }>()
  return {
    operations: {
      GetAuthorizationToken: operation(z.object({}), (_input, caller) => {
        const expiresAt = new Date(clock.now().getTime() + validSeconds * 1000)
        const password = createPassword(expiresAt)
        tokens.set(password, { expiresAt, caller })
        return {
          authorizationData: [
            {
              authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
              expiresAt,
              proxyEndpoint: `https://${id}.dkr.ecr.${region}.amazonaws.com`,
            },
          ],
        }
      }),
    },
    judgePassword: (password, pull) => {
      const token = tokens.get(password)
      if (token === undefined) return 'unknown'
      if (clock.now() >= token.expiresAt) return 'expired'
      const { caller } = token
      if (pull === undefined || caller.kind === 'administrator') return 'valid'
      return authorizer.permits(caller, pull.action, pull.resource) ? 'valid' : 'denied'
    },
  }
}
