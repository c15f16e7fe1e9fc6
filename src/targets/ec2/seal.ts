import type { App } from '../../deployment/app.ts'
import type { Redacted } from '../../kernel/redacted.ts'
import { Retryable } from '../../kernel/retryable.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import {
  readAppEnvironment,
  readAppSecret,
  type ReadSecret,
  type SecretRefusal,
} from '../../secrets/app-secret.ts'
import { sealEnvelope } from '../../secrets/envelope.ts'
import { assembleEnvironment } from '../../secrets/environment.ts'
import { listMasks, maskText } from '../../secrets/masks.ts'
import { renderEnvelopePlaintext, type RegistryCredentials } from '../../secrets/plaintext.ts'
import { parseRegistrySecret } from '../../secrets/registry-secret.ts'
import { parseImage } from '../../registry/image.ts'
import type { MaskOutput, SealEnvelope } from './ports.ts'

/** The command's parameters and its document share 64 KB; the document takes up to 28, settings some. */
const maxEnvelopeCharacters = 32 * 1024

const toCredentials = async (
  readSecret: ReadSecret,
  app: App,
): Promise<Result<RegistryCredentials | null, SecretRefusal>> => {
  const secret = await readAppSecret(readSecret, app.registry, null)
  if (!secret.ok || secret.value === null) return secret.ok ? succeed(null) : secret
  const parsed = parseRegistrySecret(secret.value)
  return parsed.ok
    ? succeed({ host: parseImage(app.image).host, ...parsed.value })
    : fail({ reason: parsed.error, message: `${app.registry ?? ''}: username and password` })
}

/** Renders the env file of a release and encrypts it for the instances of one wave. */
export const createSealEnvelope =
  (readSecret: ReadSecret): SealEnvelope =>
  async (release, certificates) => {
    const { settings: app, secretVersion, generation } = release
    const environment = await readAppEnvironment(readSecret, app, secretVersion)
    if (!environment.ok) return environment
    const registry = await toCredentials(readSecret, app)
    if (!registry.ok) return registry
    const plaintext = renderEnvelopePlaintext({
      app: app.name,
      generation,
      instances: certificates.map(({ instance }) => instance),
      environment: environment.value,
      registry: registry.value,
    })
    const der = certificates.map((certificate) => Buffer.from(certificate.der, 'base64'))
    const envelope = Buffer.from(await sealEnvelope(plaintext, der)).toString('base64')
    if (envelope.length > maxEnvelopeCharacters)
      return fail({
        reason: 'envelope_too_large',
        message: `${envelope.length} characters for ${certificates.length} instances; ${maxEnvelopeCharacters} fit`,
      })
    return succeed(envelope)
  }

/** Masks once more what a host has masked already: nothing is stored on its word alone. */
export const createMaskOutput =
  (readSecret: ReadSecret): MaskOutput =>
  async ({ settings, secretVersion }) => {
    const secret = await readAppSecret(readSecret, settings.secrets, secretVersion)
    const login = await toCredentials(readSecret, settings)
    // Masked by half of the secrets would be taken for masked.
    if (!secret.ok) throw new Retryable(secret.error.message)
    if (!login.ok) throw new Retryable(login.error.message)
    const masks = listMasks([
      ...(secret.value === null ? [] : valuesOf(secret.value)),
      ...(login.value === null ? [] : [login.value.password]),
    ])
    return (text) => maskText(text, masks)
  }

const valuesOf = (secret: Redacted): readonly Redacted[] => {
  const environment = assembleEnvironment({ env: {}, secret })
  return environment.ok ? [...environment.value.values.values()] : [secret]
}
