import type { App } from '../deployment/app.ts'
import { Retryable, unlessRetryable } from '../kernel/retryable.ts'
import { fail, type Result } from '../kernel/result.ts'
import {
  readRegistryLogin,
  type ReadEcrLogin,
  type ReadSecret,
  type RegistryLogin,
  type SecretRefusal,
} from '../secrets/app-secret.ts'
import { parseEcr } from './ecr.ts'
import { parseImage } from './image.ts'

export type Hosted = Pick<App, 'image' | 'registry' | 'registryRealm'>

/** The login of an app's image; null where it has none. Never throws what a service answers. */
export type ReadLogin = (
  app: Pick<Hosted, 'image' | 'registry'>,
) => Promise<Result<RegistryLogin | null, SecretRefusal>>

/** The registry that is logged in to by the function's role: ECR, unless landfall.yml names a login. */
export const findEcr = ({ image, registry }: Pick<Hosted, 'image' | 'registry'>) =>
  registry === null ? parseEcr(parseImage(image).host) : null

/** Whether the image is pulled with a login, so that a target that pulls by itself needs one too. */
export const hasLogin = (app: Pick<Hosted, 'image' | 'registry'>): boolean =>
  app.registry !== null || findEcr(app) !== null

/** Whether a refused login may be there at the next try. */
export const isPassing = ({ reason }: Pick<SecretRefusal, 'reason'>): boolean =>
  reason === 'secret_unavailable' || reason === 'registry_unavailable'

export const createReadLogin = (readSecret: ReadSecret, readEcrLogin: ReadEcrLogin): ReadLogin => {
  return async (app) => {
    const ecr = findEcr(app)
    if (ecr !== null) return readEcrLogin(ecr)
    const login = await readRegistryLogin(readSecret, app.registry).catch(unlessRetryable)
    return login instanceof Retryable
      ? fail({ reason: 'secret_unavailable', message: login.message })
      : login
  }
}
