import type { Account } from '../account.ts'
import type { Credentials, KeyPair } from '../credentials.ts'
import type { Fleet } from '../fleet.ts'
import type { LambdaFunction } from '../lambda/function.ts'
import type { SecretStore } from '../secrets/store.ts'
import { createAuthorizer, type Authorizer } from './authorizer.ts'
import { createRequests } from './requests.ts'
import type { FunctionPrincipal } from './role.ts'
import { toTableKeys } from './table-requests.ts'

interface AccessParts {
  readonly account: Account
  readonly fleet: Fleet
  readonly functions: readonly LambdaFunction[]
  /** `CreateTable` inputs. */
  readonly tables: readonly unknown[]
  readonly credentials: Credentials
  readonly secrets: SecretStore
  readonly say: (denial: string) => void
}

/** Who the functions are to the endpoint, and what they may do. */
export interface Access {
  readonly authorizer: Authorizer
  /** A key of its own for each function, made for this run. */
  readonly keyOf: (spec: LambdaFunction) => KeyPair
  readonly permits: (spec: LambdaFunction, action: string, resource: string) => boolean
}

const toPrincipal = ({ name, role }: LambdaFunction): FunctionPrincipal => ({
  kind: 'function',
  functionName: name,
  role,
})

export const createAccess = (parts: AccessParts): Access => {
  const { account, fleet, credentials, secrets } = parts
  const requests = createRequests({
    account,
    fleet,
    tables: toTableKeys(parts.tables),
    findSecret: (id) => secrets.lookUp(id),
  })
  const authorizer = createAuthorizer(account, requests, parts.say)
  const keys = new Map<string, KeyPair>()
  return {
    authorizer,
    keyOf: (spec) => {
      const key = keys.get(spec.name) ?? credentials.issue(toPrincipal(spec))
      keys.set(spec.name, key)
      return key
    },
    permits: (spec, action, resource) => authorizer.permits(toPrincipal(spec), action, resource),
  }
}
