import { createHash, X509Certificate } from 'node:crypto'
import type { AppName, Generation, InstanceId } from '../kernel/id.ts'
import { Redacted } from '../kernel/redacted.ts'
import type { RegistryLogin } from './app-secret.ts'
import type { Environment } from './environment.ts'
import { listMasks } from './masks.ts'

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
 * The plaintext of an envelope: the line `landfall/1 <app> <generation> <instance,…> <SHA-256>`, then entries
 * that each end in NUL, so that a value may hold anything else:
 * `env NAME=value`, `secret NAME=value` (the value is masked as a whole), `mask value` for the parts of
 * those that are not, and `registry host`, `username …`, `password …` for a private image.
 */
export const renderEnvelopePlaintext = (content: EnvelopeContent): Redacted => {
  const { app, generation, instances, environment, registry } = content
  const secrets = [
    ...environment.secretNames.flatMap((name) => environment.values.get(name) ?? []),
    ...(registry === null ? [] : [registry.password]),
  ]
  const masks = new Set(listMasks(secrets).map((mask) => mask.reveal()))
  const env = [...environment.values].map(([name, value]) => {
    const kind = masks.delete(value.reveal()) ? 'secret' : 'env'
    return `${kind} ${name}=${value.reveal()}`
  })
  const login =
    registry === null
      ? []
      : [
          `registry ${registry.host}`,
          `username ${registry.username}`,
          `password ${registry.password.reveal()}`,
        ]
  const header = `landfall/1 ${app} ${generation} ${instances.join(',')}`
  return joinEnvelope(header, [...env, ...[...masks].map((mask) => `mask ${mask}`), ...login])
}

/** Whether an envelope can be sealed for the certificate, which an instance answered: EC on P-256. */
export const isSealable = (certificate: Uint8Array): boolean => {
  try {
    const { publicKey } = new X509Certificate(certificate)
    return publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}

/**
 * Encrypts for the holders of the certificates' keys only: CMS EnvelopedData in DER
 * (RFC 5652), AES-256-CBC under ephemeral ECDH with SHA-256 and AES-256 key wrap per certificate
 * (RFC 5753), which `openssl cms -decrypt -inform DER -recip cert.pem -inkey key.pem` opens (tried
 * with 3.0). About 293 bytes a certificate. The certificates must be `isSealable`.
 */
export const sealEnvelope = async (
  plaintext: Redacted,
  certificates: readonly Uint8Array[],
): Promise<Uint8Array> => {
  // Loaded on first use: only a run that sends a deployment pays for it.
  const { Certificate, ContentInfo, EnvelopedData } = await import('pkijs')
  const envelope = new EnvelopedData()
  for (const der of certificates)
    envelope.addRecipientByCertificate(Certificate.fromBER(Uint8Array.from(der)), {
      kdfAlgorithm: 'SHA-256',
      kekEncryptionLength: 256,
    })
  const content = new TextEncoder().encode(plaintext.reveal())
  await envelope.encrypt({ name: 'AES-CBC', length: 256 }, content.slice().buffer)
  // RFC 5652 §6: id-envelopedData.
  const contentType = '1.2.840.113549.1.7.3'
  const info = new ContentInfo({ contentType, content: envelope.toSchema() })
  return new Uint8Array(info.toSchema().toBER())
}
