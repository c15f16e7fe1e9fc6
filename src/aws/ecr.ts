import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
import { addSeconds, toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import {
  RegistryLogin,
  type EcrRegistry,
  type ReadEcrLogin,
  type SecretRefusal,
} from '../secrets/app-secret.ts'
import { describeDenial, inTime, toAwsFailure, type AwsFailure } from './client.ts'

/**
 * A token is good for 12 hours, also on an instance that pulls at the end of the longest deployment (6 h). A shorter time here
 * also lets a change of the role's rights be seen.
 */
const keptTokenSeconds = 5 * 60

const toRefusal = (failure: AwsFailure): SecretRefusal => {
  const { kind, code } = failure
  if (kind === 'denied')
    return {
      reason: 'registry_unauthorized',
      message: describeDenial('ecr:GetAuthorizationToken', failure),
    }
  const message = `Amazon ECR gave no token (${code})`
  return { reason: kind === 'refused' ? 'registry_unauthorized' : 'registry_unavailable', message }
}

interface KeptLogin {
  readonly login: RegistryLogin
  readonly until: Instant
}

/** The token is the login in base64: `AWS:<password>`. */
const parseEcrToken = (token: string): RegistryLogin | null => {
  const [username, ...password] = Buffer.from(token, 'base64').toString('utf8').split(':')
  return RegistryLogin.safeParse({ username, password: password.join(':') }).data ?? null
}

const fetchLogin = async (
  client: ECRClient,
  now: Instant,
): Promise<Result<KeptLogin, SecretRefusal>> => {
  try {
    const answer = await client.send(new GetAuthorizationTokenCommand({}), inTime(3_000))
    const { authorizationToken = '', expiresAt } = answer.authorizationData?.[0] ?? {}
    const login = parseEcrToken(authorizationToken)
    if (login === null)
      return fail(toRefusal({ kind: 'uncertain', code: 'UnexpectedAnswer', message: '' }))
    const [until = now] = [
      addSeconds(now, keptTokenSeconds),
      toInstant(expiresAt ?? new Date(now)),
    ].sort()
    return succeed({ login, until })
  } catch (error) {
    return fail(toRefusal(toAwsFailure(error)))
  }
}

/** One token is good for every registry of a region that the role may read, also those of other accounts. */
export const createEcrLogins = (
  clock: Clock,
  create = ({ region, isFips }: EcrRegistry) => new ECRClient({ region, useFipsEndpoint: isFips }),
): ReadEcrLogin => {
  const kept = new Map<string, KeptLogin>()
  return async (registry) => {
    const key = `${registry.region} ${registry.isFips}`
    const now = toInstant(clock())
    const known = kept.get(key)
    if (known !== undefined && now < known.until) return succeed(known.login)
    const fetched = await fetchLogin(create(registry), now)
    if (!fetched.ok) return fetched
    kept.set(key, fetched.value)
    return succeed(fetched.value.login)
  }
}
