import { Certificate, ContentInfo, EnvelopedData } from 'pkijs'

/**
 * CMS EnvelopedData in DER (RFC 5652): AES-256-CBC under ephemeral ECDH with SHA-256 and AES-256 key wrap per
 * certificate (RFC 5753).
 */
export const encryptCms = async (
  content: Uint8Array,
  certificates: readonly Uint8Array[],
): Promise<Uint8Array> => {
  const envelope = new EnvelopedData()
  for (const der of certificates)
    envelope.addRecipientByCertificate(Certificate.fromBER(Uint8Array.from(der)), {
      kdfAlgorithm: 'SHA-256',
      kekEncryptionLength: 256,
    })
  await envelope.encrypt({ name: 'AES-CBC', length: 256 }, content.slice().buffer)
  // RFC 5652 §6: id-envelopedData.
  const contentType = '1.2.840.113549.1.7.3'
  const info = new ContentInfo({ contentType, content: envelope.toSchema() })
  return new Uint8Array(info.toSchema().toBER())
}
