import { toMaskedLine, toPlainLine } from '../../kernel/plain-line.ts'
import { listMasks, maskText } from '../../secrets/masks.ts'
import type { HerokuLook } from './look.ts'
import { readVariables } from './variables.ts'

const readMilliseconds = 5_000
const mostBytes = 64 * 1024
const mostLines = 30
const mostLineLength = 300

/** The last lines of what came in time: the stream of a release phase stays open while that runs. */
const readEnd = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => {
  let end = Buffer.alloc(0)
  let isCut = false
  try {
    for await (const chunk of chunks) {
      const read = Buffer.concat([end, chunk])
      isCut ||= read.byteLength > mostBytes
      end = read.subarray(-mostBytes)
    }
  } catch {
    // The time is over, or the rest is lost: the lines that came say enough.
  }
  const text = end.toString('utf8')
  // Half a line may begin inside a secret, which would not be masked then.
  return isCut ? text.slice(text.indexOf('\n') + 1 || text.length) : text
}

const toLines = (text: string, mask: (text: string) => string): readonly string[] =>
  text
    .split(/\r?\n/)
    .filter((line) => toPlainLine(line).trim() !== '')
    .slice(-mostLines)
    .map((line) => toMaskedLine(line, mask, mostLineLength).trimEnd())

/**
 * The last lines of a release phase; none where they cannot be read or masked. Masked are the app's secrets and
 * the values of all config vars: Heroku itself sets some, such as the password of an add-on's database.
 */
export const readOutput = async (
  { ports: { openHttp, maskOutput }, order: { release }, ask }: HerokuLook,
  address: string | null | undefined,
): Promise<readonly string[]> => {
  if (typeof address !== 'string' || !URL.canParse(address) || release === null) return []
  const mask = await maskOutput(release).catch(() => null)
  const variables = await readVariables(ask)
  if (mask === null || !variables.ok) return []
  const masks = listMasks({ secrets: [...variables.value.values()], login: null })
  const url = new URL(address)
  const opened = await openHttp({ method: 'GET', url, timeoutMilliseconds: readMilliseconds })
  if (!opened.ok) return []
  const text = await readEnd(opened.value.chunks)
  opened.value.close()
  return opened.value.status === 200 ? toLines(text, (line) => maskText(mask(line), masks)) : []
}
