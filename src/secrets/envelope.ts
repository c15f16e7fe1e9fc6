import { X509Certificate } from 'node:crypto'
import type { Redacted } from '../kernel/redacted.ts'

/** RFC 5652 §6: id-envelopedData. */
const envelopedData = '1.2.840.113549.1.7.3'

/** Whether an instance's answer is a certificate that an envelope can be sealed for: EC on P-256. */
export const isSealable = (certificate: Uint8Array): boolean => {
  try {
    const { publicKey } = new X509Certificate(certificate)
    return publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}

/**
 * Encrypts for the holders of the certificates' keys and nobody else: CMS EnvelopedData in DER
 * (RFC 5652), AES-256-CBC under ephemeral ECDH with SHA-256 and AES-256 key wrap per certificate
 * (RFC 5753), which `openssl cms -decrypt -inform DER -recip cert.pem -inkey key.pem` opens (tried
 * with 3.0). About 293 bytes a certificate. The certificates must be `isSealable`.
 */
export const sealEnvelope = async (
  plaintext: Redacted,
  certificates: readonly Uint8Array[],
): Promise<Uint8Array> => {
  // Loaded when first needed: only a deployment that is sent pays for it.
  const { Certificate, ContentInfo, EnvelopedData } = await import('pkijs')
  const envelope = new EnvelopedData()
  for (const der of certificates)
    envelope.addRecipientByCertificate(Certificate.fromBER(Uint8Array.from(der)), {
      kdfAlgorithm: 'SHA-256',
      kekEncryptionLength: 256,
    })
  const content = new TextEncoder().encode(plaintext.reveal())
  await envelope.encrypt({ name: 'AES-CBC', length: 256 }, content.slice().buffer)
  const info = new ContentInfo({ contentType: envelopedData, content: envelope.toSchema() })
  return new Uint8Array(info.toSchema().toBER())
}
