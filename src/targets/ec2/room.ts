/** SSM takes no more: the document and the values of its parameters together. */
const mostCharacters = 64 * 1024
/** Of the `deploy` document; `test/unit/host/documents.test.ts` holds it, and prints the size of each. */
export const mostDocumentCharacters = 25 * 1024
/** The parameters that every command has, and what JSON puts around them. */
const otherCharacters = 768

/** How many characters an envelope may take beside these settings. */
export const roomBeside = (settings: string): number =>
  mostCharacters - mostDocumentCharacters - otherCharacters - settings.length

/** What CMS puts around the content, with the last block's padding, and around each piece of it. */
const envelopeOwnBytes = 160
const pieceBytes = 1024
const bytesAPiece = 4
/** Of each recipient: its entry in the envelope, and its id in the plaintext's first line. */
const recipientBytes = 293 + 20

const toCharacters = (bytes: number): number => 4 * Math.ceil(bytes / 3)

const contentBytes = (bytes: number): number =>
  bytes + envelopeOwnBytes + Math.ceil(bytes / pieceBytes) * bytesAPiece

/** At most how many characters of base64 an envelope takes; `bytes` is its plaintext without ids. */
export const envelopeCharacters = (bytes: number, instances: number): number =>
  toCharacters(contentBytes(bytes) + instances * recipientBytes)

/** For how many instances one envelope fits into `room` characters; 0 where not even for one. */
export const mostInWave = (bytes: number, room: number): number =>
  Math.max(0, Math.floor((Math.floor(room / 4) * 3 - contentBytes(bytes)) / recipientBytes))
