import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { Account } from './account.ts'
import type { AccountClock } from './account-clock.ts'
import { operation, type Operations } from './operation.ts'

/** Whether a registry of the account takes this password of the user `AWS`. */
export type JudgeEcrPassword = (password: string) => 'valid' | 'expired' | 'unknown'

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
): { readonly operations: Operations; readonly judgePassword: JudgeEcrPassword } => {
  const expiries = new Map<string, Date>()
  return {
    operations: {
      GetAuthorizationToken: operation(z.object({}), () => {
        const expiresAt = new Date(clock.now().getTime() + validSeconds * 1000)
        const password = createPassword(expiresAt)
        expiries.set(password, expiresAt)
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
    judgePassword: (password) => {
      const expiresAt = expiries.get(password)
      if (expiresAt === undefined) return 'unknown'
      return clock.now() < expiresAt ? 'valid' : 'expired'
    },
  }
}
