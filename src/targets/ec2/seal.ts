import type { App } from '../../deployment/app.ts'
import type { Release } from '../../deployment/deployment.ts'
import { Generation, type InstanceId } from '../../kernel/id.ts'
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
import type { MaskOutput, MeasureEnvelope, SealEnvelope } from './ports.ts'

type Sealable = Pick<Release, 'settings' | 'secretVersion' | 'generation'>

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

const renderPlaintext = async (
  readSecret: ReadSecret,
  { settings: app, secretVersion, generation }: Sealable,
  instances: readonly InstanceId[],
): Promise<Result<Redacted, SecretRefusal>> => {
  const [environment, registry] = await Promise.all([
    readAppEnvironment(readSecret, app, secretVersion),
    toCredentials(readSecret, app),
  ])
  if (!environment.ok) return environment
  if (!registry.ok) return registry
  const content = { environment: environment.value, registry: registry.value }
  return succeed(renderEnvelopePlaintext({ app: app.name, generation, instances, ...content }))
}

/** Renders the env file of a release and encrypts it for the instances of one wave. */
export const createSealEnvelope =
  (readSecret: ReadSecret): SealEnvelope =>
  async (release, certificates) => {
    const instances = certificates.map(({ instance }) => instance)
    const plaintext = await renderPlaintext(readSecret, release, instances)
    if (!plaintext.ok) return plaintext
    const der = certificates.map((certificate) => Buffer.from(certificate.der, 'base64'))
    return succeed(Buffer.from(await sealEnvelope(plaintext.value, der)).toString('base64'))
  }

/** No envelope is made of it: the number it stands for only has to be as long as any. */
const longestGeneration = Generation.parse(999_999_999)

/** The size of what `createSealEnvelope` encrypts, without the instances' ids. */
export const createMeasureEnvelope =
  (readSecret: ReadSecret): MeasureEnvelope =>
  async (settings, secretVersion) => {
    const sealable = { settings, secretVersion, generation: longestGeneration }
    const plaintext = await renderPlaintext(readSecret, sealable, []).catch((error: unknown) => {
      if (error instanceof Retryable) return null
      throw error
    })
    return plaintext?.ok === true ? Buffer.byteLength(plaintext.value.reveal()) : null
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
