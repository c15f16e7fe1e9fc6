import { createHash } from 'node:crypto'
import type { Blob } from './manifest.ts'

/** What came is not the blob that was asked for. */
export class BlobAltered extends Error {
  override readonly name = 'BlobAltered'
}

/**
 * The bytes of a blob as they come, none beyond its size, and the last of them only when all are known to
 * have its digest: a receiver that is told the length never gets a wrong blob whole.
 *
 * @throws BlobAltered
 */
export async function* verifyChunks(
  chunks: AsyncIterable<Uint8Array>,
  { digest, size }: Blob,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let bytes = 0
  let held: Uint8Array | null = null
  for await (const chunk of chunks) {
    // An empty one would let the last byte pass before the digest is known.
    if (chunk.byteLength === 0) continue
    bytes += chunk.byteLength
    if (bytes > size) throw new BlobAltered()
    hash.update(chunk)
    if (held !== null) yield held
    held = chunk
  }
  if (bytes !== size || `sha256:${hash.digest('hex')}` !== digest) throw new BlobAltered()
  if (held !== null) yield held
}
