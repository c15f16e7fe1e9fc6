import * as z from 'zod'
import { toArn, type Account } from './account.ts'
import type { Principal } from './credentials.ts'
import { operation, type Operations } from './operation.ts'

/** IAM and STS know no region in an ARN. */
const toIdentity = (account: Account, caller: Principal) => {
  const everywhere = { ...account, region: '' }
  if (caller.kind === 'administrator')
    return { UserId: 'AIDALOCALADMINISTRATOR', Arn: toArn(everywhere, 'iam', 'user/administrator') }
  const session = `assumed-role/${caller.role.name}/${caller.functionName}`
  return {
    UserId: `AROALOCAL:${caller.functionName}`,
    Arn: toArn(everywhere, 'sts', session),
  }
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
export const createStsOperations = (account: Account): Operations => ({
  GetCallerIdentity: operation(z.looseObject({}), (_input, caller) => ({
    Account: account.id,
    ...toIdentity(account, caller),
  })),
})
