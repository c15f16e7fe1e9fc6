import { createHash, X509Certificate } from 'node:crypto'
import type { AppName, Generation, InstanceId } from '../kernel/id.ts'
import { Redacted } from '../kernel/redacted.ts'
import type { RegistryLogin } from './app-secret.ts'
import type { Environment } from './environment.ts'
import { rankMasks, type Maskable } from './masks.ts'

export interface EnvelopeContent {
  readonly app: AppName
  readonly generation: Generation
  /** The instances that may use it; each looks for its own id before it believes the rest. */
  readonly instances: readonly InstanceId[]
  readonly environment: Environment
  /** `host` as `docker login` takes it: `docker.io`, `registry.example:5000`. */
  readonly registry: (RegistryLogin & { readonly host: string }) | null
}

/**
 * The plaintext with the SHA-256 of all the rest at the end of its first line: the encryption alone lets most changes of
 * a bit pass.
 */
export const joinEnvelope = (header: string, entries: readonly string[]): Redacted => {
  const rest = `\n${entries.map((entry) => `${entry}\0`).join('')}`
  const digest = createHash('sha256')
    .update(header + rest)
    .digest('hex')
  return new Redacted(`${header} ${digest}${rest}`)
}

/**
 * Up to how many bytes of entries an envelope takes masks beyond the values themselves. With these, one command
 * still reaches 50 instances; a larger environment has less room for masks, and loses no instance to them.
 */
const mostBytesWithForms = 8 * 1024

const bytesOfEntries = (entries: readonly string[]): number =>
  Buffer.byteLength(entries.join('\0')) + 1

/** The masks that the instances get: the values, and of their other forms the likeliest that there is room for. */
const chooseMasks = (maskable: Maskable, bytesOf: (masks: readonly string[]) => number) => {
  const ranked = rankMasks(maskable)
  const chosen = new Set(ranked.flatMap(({ text, rank }) => (rank === 0 ? [text] : [])))
  let room = mostBytesWithForms - bytesOf([...chosen])
  const forms = ranked
    .filter(({ rank }) => rank > 0)
    .toReversed()
    .sort((one, other) => one.rank - other.rank)
  for (const { text } of forms) {
    const bytes = bytesOfEntries([`mask ${text}`])
    if (bytes > room) continue
    room -= bytes
    chosen.add(text)
  }
  return ranked.flatMap(({ text }) => (chosen.has(text) ? [text] : []))
}

/** The longest mask first, as the host masks with them: its own sort is slow. */
const renderEntries = (environment: Environment, masks: readonly string[]): readonly string[] => {
  const left = new Set(masks)
  const open: string[] = []
  const masked: { readonly entry: string; readonly text: string }[] = []
  for (const [name, value] of environment.values) {
    const text = value.reveal()
    if (left.delete(text)) masked.push({ entry: `secret ${name}=${text}`, text })
    else open.push(`env ${name}=${text}`)
  }
  for (const text of left) masked.push({ entry: `mask ${text}`, text })
  masked.sort((one, other) => Buffer.byteLength(other.text) - Buffer.byteLength(one.text))
  return [...open, ...masked.map(({ entry }) => entry)]
}

/**
 * The plaintext of an envelope: the line `landfall/1 <app> <generation> <instance,…> <SHA-256>`, then entries
 * that each end in NUL, so that a value may hold anything else:
 * `env NAME=value`, `secret NAME=value` (the value is masked as a whole), `mask value` for parts and other
 * forms of them, and `registry host`, `username …`, `password …` for a private image.
 */
export const renderEnvelopePlaintext = (content: EnvelopeContent): Redacted => {
  const { app, generation, instances, environment, registry } = content
  const login =
    registry === null
      ? []
      : [
          `registry ${registry.host}`,
          `username ${registry.username}`,
          `password ${registry.password.reveal()}`,
        ]
  const header = `landfall/1 ${app} ${generation} ${instances.join(',')}`
  const secrets = environment.secretNames.flatMap((name) => environment.values.get(name) ?? [])
  const entriesWith = (masks: readonly string[]) => [...renderEntries(environment, masks), ...login]
  const bytesOf = (masks: readonly string[]) => bytesOfEntries(entriesWith(masks))
  return joinEnvelope(header, entriesWith(chooseMasks({ secrets, login: registry }, bytesOf)))
}

/**
 * Encrypts for the holders of the certificates' keys only, which `openssl cms -decrypt -inform DER -recip cert.pem
 * -inkey key.pem` opens (tried with 3.0). Throws for all if one of the certificates is not `isSealable`.
 */
export const sealEnvelope = async (
  plaintext: Redacted,
  certificates: readonly Uint8Array[],
): Promise<Uint8Array> => {
  // Loaded on first use: only a run that sends a deployment pays for it.
  const { encryptCms } = await import('./encrypt-cms.ts')
  return encryptCms(new TextEncoder().encode(plaintext.reveal()), certificates)
}

/**
 * What an envelope takes for each certificate of `host/prepare.sh`: the entry repeats its issuer, `O=Landfall` and an
 * id of at most 20 characters, and its serial number of at most 20 bytes (RFC 5280 §4.1.2.2).
 */
export const recipientBytes = 313

/** An envelope of one byte, besides its recipients. */
const smallestBytes = 98

/** A certificate of `host/prepare.sh` has 446; the journal reads as many. */
const mostCertificateBytes = 600

/** The bytes of a text that is base64 in its one canonical form, and not too long. */
const toCertificateBytes = (text: string): Buffer | null => {
  // Four characters are three bytes.
  if (text.length > (mostCertificateBytes / 3) * 4) return null
  const der = Buffer.from(text, 'base64')
  return der.toString('base64') === text ? der : null
}

/**
 * Whether an envelope can be sealed for a certificate that an instance answered, as base64, beside the other instances of
 * a wave: on P-256, and no larger in the envelope than was reckoned. One is sealed to find out: pkijs refuses what
 * OpenSSL reads, such as explicit parameters of the curve or a compressed point.
 */
export const isSealable = async (certificate: string, instance: InstanceId): Promise<boolean> => {
  const der = toCertificateBytes(certificate)
  if (der === null) return false
  try {
    const { raw, publicKey, issuer } = new X509Certificate(der)
    // Also reads PEM, and ignores what follows.
    if (!raw.equals(der)) return false
    // A reader finds its entry in an envelope by issuer and serial number, and every reader sees those of the others. With a
    // copy of both, an instance would make another one find the wrong entry, which that one could not decrypt.
    if (issuer !== `O=Landfall\nCN=${instance}`) return false
    if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false
    const sealed = await sealEnvelope(new Redacted('x'), [der])
    return sealed.length <= smallestBytes + recipientBytes
  } catch {
    return false
  }
}
