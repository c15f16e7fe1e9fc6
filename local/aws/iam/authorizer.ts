import type { Account } from '../account.ts'
import { AwsError } from '../operation.ts'
import { toExercised } from './grants.ts'
import { judge, type AuthorizationRequest, type ToRequests, type Verdict } from './policy.ts'
import type { FunctionPrincipal } from './role.ts'

/** What the functions were allowed and refused since the start. */
export interface AccessRecord {
  /** One message each, as AWS words them; a call that has no mapping is refused as well. */
  readonly denials: readonly string[]
  /** The grants that allowed something (grants.ts). */
  readonly exercised: ReadonlySet<string>
}

export interface Authorizer {
  readonly record: AccessRecord
  /**
   * Judges a call of a function.
   *
   * @throws AwsError as the service answers where it is not allowed
   */
  authorize(principal: FunctionPrincipal, service: string, operation: string, input: unknown): void
  /** Judges what Lambda does in the function's name; whether it is allowed. */
  permits(principal: FunctionPrincipal, action: string, resource: string): boolean
}

const whys: Readonly<Record<Exclude<Verdict['kind'], 'allowed'>, (action: string) => string>> = {
  denied_by_default: (action) => `because no identity-based policy allows the ${action} action`,
  denied_explicitly: () => 'with an explicit deny in an identity-based policy',
}

const refuse = (service: string, message: string): AwsError => {
  if (service === 'ec2')
    return new AwsError(
      'UnauthorizedOperation',
      `You are not authorized to perform this operation. ${message}`,
      403,
    )
  if (service === 'monitoring') return new AwsError('AccessDenied', message, 403)
  return new AwsError('AccessDeniedException', message, service === 'lambda' ? 403 : 400)
}

export const createAuthorizer = (
  account: Account,
  requests: Readonly<Record<string, ToRequests>>,
  say: (denial: string) => void,
): Authorizer => {
  const denials: string[] = []
  const exercised = new Set<string>()
  const deny = (message: string): string => {
    denials.push(message)
    say(message)
    return message
  }
  const explain = (
    { role, functionName }: FunctionPrincipal,
    { action, resource, named = resource }: AuthorizationRequest,
    kind: Exclude<Verdict['kind'], 'allowed'>,
  ): string => {
    const user = `arn:aws:sts::${account.id}:assumed-role/${role.name}/${functionName}`
    const on = resource === '*' ? '' : ` on resource: ${named}`
    return `User: ${user} is not authorized to perform: ${action}${on} ${whys[kind](action)}`
  }
  /** Null where it is allowed. */
  const findDenial = (
    principal: FunctionPrincipal,
    request: AuthorizationRequest,
  ): string | null => {
    const verdict = judge(principal.role.statements, request)
    if (verdict.kind !== 'allowed') return deny(explain(principal, request, verdict.kind))
    for (const grant of verdict.by.flatMap((statement) => toExercised(statement, request)))
      exercised.add(grant)
    return null
  }
  const toRequests = (
    { functionName }: FunctionPrincipal,
    call: string,
    input: unknown,
  ): readonly AuthorizationRequest[] => {
    const map = Object.hasOwn(requests, call) ? requests[call] : undefined
    try {
      if (map === undefined) throw new Error('it has no mapping to actions')
      return map(input)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const [service = ''] = call.split(' ')
      throw refuse(service, deny(`${functionName}: the call ${call} cannot be judged: ${why}`))
    }
  }
  return {
    record: { denials, exercised },
    authorize: (principal, service, operation, input) => {
      for (const request of toRequests(principal, `${service} ${operation}`, input)) {
        const denial = findDenial(principal, request)
        if (denial === null) continue
        // Secrets Manager asks KMS by itself, and does not pass on what KMS said.
        const isOfKey = request.action.startsWith('kms:')
        throw refuse(service, isOfKey ? 'Access to KMS is not allowed' : denial)
      }
    },
    permits: (principal, action, resource) =>
      findDenial(principal, { action, resource, context: new Map() }) === null,
  }
}
