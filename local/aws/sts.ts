import * as z from 'zod'
import type { Account } from './account.ts'
import { operation, type Operations } from './operation.ts'

export const createStsOperations = (account: Account): Operations => ({
  GetCallerIdentity: operation(z.object({}), () => ({
    UserId: 'AIDALOCAL',
    Account: account.id,
    Arn: `arn:aws:iam::${account.id}:user/local`,
  })),
})
