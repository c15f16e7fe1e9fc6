import { recipientBytes } from '../../secrets/envelope.ts'

/** Of the `deploy` document; `test/unit/host/documents.test.ts` holds it, and prints the size of each. */
export const mostDocumentCharacters = 28 * 1024

/**
 * How many characters an envelope may take beside these settings. SSM takes 64 KB, the document and its
 * parameters' values together; 768 are for the parameters of every command and the JSON around them.
 */
export const roomBeside = (settings: string): number =>
  64 * 1024 - mostDocumentCharacters - 768 - settings.length

/** Of each instance: its entry in the envelope, and its id in the plaintext's first line. */
const instanceBytes = recipientBytes + 21

/** CMS adds 160 bytes with the last block's padding, and 4 to each begun KiB of the content. */
const contentBytes = (bytes: number): number => bytes + 160 + Math.ceil(bytes / 1024) * 4

/** At most how many characters of base64 an envelope takes; `bytes` is its plaintext without ids. */
export const envelopeCharacters = (bytes: number, instances: number): number =>
  4 * Math.ceil((contentBytes(bytes) + instances * instanceBytes) / 3)

/** For how many instances one envelope fits into `room` characters; 0 if not even for one. */
export const mostInWave = (bytes: number, room: number): number =>
  Math.max(0, Math.floor((Math.floor(room / 4) * 3 - contentBytes(bytes)) / instanceBytes))
