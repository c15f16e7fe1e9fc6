import type { ReleaseSettings } from '../../deployment/app.ts'
import type { Release } from '../../deployment/deployment.ts'
import { Generation, type InstanceId } from '../../kernel/id.ts'
import type { Redacted } from '../../kernel/redacted.ts'
import { Retryable, unlessRetryable } from '../../kernel/retryable.ts'
import { succeed, type Result } from '../../kernel/result.ts'
import {
  readAppEnvironment,
  readAppSecret,
  readRegistryLogin,
  type ReadSecret,
  type SecretRefusal,
} from '../../secrets/app-secret.ts'
import { isSealable, renderEnvelopePlaintext, sealEnvelope } from '../../secrets/envelope.ts'
import { assembleEnvironment } from '../../secrets/environment.ts'
import { listMasks, maskText } from '../../secrets/masks.ts'
import { parseImage } from '../../registry/image.ts'
import { findEcr, isPassing, type ReadLogin } from '../../registry/login.ts'
import type { Certificate, MaskOutput, MeasureEnvelope, SealEnvelope, Sealed } from './ports.ts'

const readLoginNow = async (readLogin: ReadLogin, settings: ReleaseSettings) => {
  const login = await readLogin(settings)
  if (!login.ok && isPassing(login.error)) throw new Retryable(login.error.message)
  return login
}

const renderPlaintext = async (
  readSecret: ReadSecret,
  readLogin: ReadLogin,
  app: ReleaseSettings,
  { secretVersion, generation }: Pick<Release, 'secretVersion' | 'generation'>,
  instances: readonly InstanceId[],
): Promise<Result<Redacted, SecretRefusal>> => {
  const [environment, login] = await Promise.all([
    readAppEnvironment(readSecret, app, secretVersion),
    readLoginNow(readLogin, app),
  ])
  if (!environment.ok) return environment
  if (!login.ok) return login
  const registry = login.value && { host: parseImage(app.image).host, ...login.value }
  const content = { environment: environment.value, registry }
  return succeed(renderEnvelopePlaintext({ app: app.name, generation, instances, ...content }))
}

const sealFor = async (plaintext: Redacted, certificates: readonly Certificate[]) => {
  const der = certificates.map((certificate) => Buffer.from(certificate.der, 'base64'))
  return Buffer.from(await sealEnvelope(plaintext, der)).toString('base64')
}

/** Each certificate was tried when it was recorded: only if all together fail, each is tried again. */
const sealForMost = async (
  plaintext: Redacted,
  certificates: readonly Certificate[],
): Promise<Sealed> => {
  try {
    return { envelope: await sealFor(plaintext, certificates), unsealable: [] }
  } catch {
    const tried = await Promise.all(
      certificates.map(async (one) => ({ one, fits: await isSealable(one.der, one.instance) })),
    )
    const left = tried.flatMap(({ one, fits }) => (fits ? [one] : []))
    return {
      envelope: left.length === 0 ? null : await sealFor(plaintext, left),
      unsealable: tried.flatMap(({ one, fits }) => (fits ? [] : [one.instance])),
    }
  }
}

/** Renders the env file of a release and encrypts it for the instances of one wave. */
export const createSealEnvelope =
  (readSecret: ReadSecret, readLogin: ReadLogin): SealEnvelope =>
  async (release, certificates) => {
    const instances = certificates.map(({ instance }) => instance)
    const plaintext = await renderPlaintext(
      readSecret,
      readLogin,
      release.settings,
      release,
      instances,
    )
    if (!plaintext.ok) return plaintext
    return succeed(await sealForMost(plaintext.value, certificates))
  }

/** The size of what `createSealEnvelope` encrypts, without the instances' ids. */
export const createMeasureEnvelope =
  (readSecret: ReadSecret, readLogin: ReadLogin): MeasureEnvelope =>
  async (settings, secretVersion) => {
    // A generation as long as any.
    const release = { secretVersion, generation: Generation.parse(999_999_999) }
    const plaintext = await renderPlaintext(readSecret, readLogin, settings, release, []).catch(
      unlessRetryable,
    )
    return !(plaintext instanceof Retryable) && plaintext.ok
      ? Buffer.byteLength(plaintext.value.reveal())
      : null
  }

/**
 * Tokens of ECR, which are JSON in base64 and begin with the field `payload`, also as a whole login; and the roles and
 * accounts that its refusals name, of which a cut text may have a part. The token of an order is not kept, hence the form.
 */
const ecrWords = [
  /(?:eyJwYXlsb2Fk|QVdTOmV5)[\w+/=-]{20,}/g,
  // Only from where a word begins: from each of its letters a long one would take the square of its length.
  /(?:\barn:aws|(?<![^\s"'])[^\s"']*:(?:assumed-role|role|user|repository)\/)[^\s"']*/g,
]

const maskEcr = (text: string): string =>
  ecrWords.reduce((masked, words) => masked.replaceAll(words, '[masked]'), text)

/** Masks again what a host has masked: the journal stores nothing that only the host has masked. */
export const createMaskOutput =
  (readSecret: ReadSecret): MaskOutput =>
  async ({ settings, secretVersion }) => {
    const secret = await readAppSecret(readSecret, settings.secrets, secretVersion)
    const login = await readRegistryLogin(readSecret, settings.registry)
    // Half of the secrets would leave the other half unmasked.
    if (!secret.ok) throw new Retryable(secret.error.message)
    if (!login.ok) throw new Retryable(login.error.message)
    const whole = secret.value === null ? [] : [secret.value]
    const environment = assembleEnvironment({ env: {}, secret: secret.value })
    const secrets = environment.ok ? [...environment.value.values.values()] : whole
    const masks = listMasks({ secrets, login: login.value })
    const isAtEcr = findEcr(settings) !== null
    return (text) => maskText(isAtEcr ? maskEcr(text) : text, masks)
  }
