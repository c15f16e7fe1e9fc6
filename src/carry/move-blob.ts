import { succeed, type Result } from '../kernel/result.ts'
import { carryLater, refuseCarry, type CarryFailure } from './failure.ts'
import type { ImageDestination } from './destination.ts'
import type { Piece } from './plan.ts'
import type { ImageSource } from './source.ts'
import { BlobAltered, verifyChunks } from './verify-chunks.ts'

/** How a blob came to be where it is needed. */
export type Moved = 'there' | 'mounted' | 'sent'

/** Told of bytes on their way. */
export type OnBytes = (bytes: number) => void

async function* observeChunks(chunks: AsyncIterable<Uint8Array>, onBytes: OnBytes) {
  for await (const chunk of chunks) {
    onBytes(chunk.byteLength)
    yield chunk
  }
}

/** Sends a layer from one registry to the other, chunk by chunk, and nothing that is not the layer. */
const sendLayer = async (
  source: ImageSource,
  destination: ImageDestination,
  upload: URL,
  piece: Piece,
  onBytes: OnBytes,
): Promise<Result<null, CarryFailure>> => {
  const layer = await source.openLayer(piece)
  if (!layer.ok) return layer
  // Fetch tells that a body broke off, not by what.
  const broken: unknown[] = []
  async function* read(chunks: AsyncIterable<Uint8Array>) {
    try {
      yield* chunks
    } catch (error) {
      broken.push(error)
      throw error
    }
  }
  const checked = verifyChunks(observeChunks(layer.value.chunks, onBytes), piece)
  const sent = await destination.sendBlob(upload, piece, read(checked))
  layer.value.close()
  const [why] = broken
  if (why instanceof BlobAltered)
    return refuseCarry(
      'image_altered',
      `what the registry sent for ${piece.digest} is another blob`,
    )
  return why === undefined ? sent : carryLater('registry_unavailable', 'a layer broke off')
}

const sendContent = (
  destination: ImageDestination,
  upload: URL,
  piece: Piece,
  content: Uint8Array,
): Promise<Result<null, CarryFailure>> => {
  async function* once() {
    yield await Promise.resolve(content)
  }
  return destination.sendBlob(upload, piece, once())
}

const mayRepeat = (failure: CarryFailure): boolean =>
  failure.kind === 'later' && failure.afterSeconds === null

/**
 * Brings a blob where it is needed: it is there, another repository has it, or it is sent. A send without
 * an answer may have gone through, so the registry is asked again before anything is sent twice.
 */
export const moveBlob = async (
  source: ImageSource,
  destination: ImageDestination,
  piece: Piece,
  onBytes: OnBytes,
  attempts = 3,
): Promise<Result<Moved, CarryFailure>> => {
  const there = await destination.hasBlob(piece)
  if (!there.ok) return there
  if (there.value) return succeed('there')
  const upload = await destination.beginUpload(piece.digest, piece.from)
  if (!upload.ok) return upload
  if (upload.value === 'mounted') return succeed('mounted')
  const sent =
    piece.content === null
      ? await sendLayer(source, destination, upload.value, piece, onBytes)
      : await sendContent(destination, upload.value, piece, piece.content)
  if (sent.ok) return succeed('sent')
  return attempts > 1 && mayRepeat(sent.error)
    ? moveBlob(source, destination, piece, onBytes, attempts - 1)
    : sent
}
