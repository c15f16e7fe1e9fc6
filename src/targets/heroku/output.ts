import type { Release } from '../../deployment/deployment.ts'
import type { HerokuPorts } from './ports.ts'

const readMilliseconds = 5_000
const mostBytes = 64 * 1024
const mostLines = 30
const mostLineLength = 300

/** What it has sent so far: the stream of a release phase stays open while that runs. */
const readEnd = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => {
  let end = Buffer.alloc(0)
  try {
    for await (const chunk of chunks) end = Buffer.concat([end, chunk]).subarray(-mostBytes)
  } catch {
    // The time is over, or the rest is lost: the lines that came say enough.
  }
  return end.toString('utf8')
}

const toLines = (text: string): readonly string[] =>
  text
    .split(/\r?\n/)
    .map((line) =>
      line
        .replaceAll(/[\p{C}]/gu, ' ')
        .trimEnd()
        .slice(0, mostLineLength),
    )
    .filter((line) => line !== '')
    .slice(-mostLines)

/** The last lines of a release phase, masked; none where they cannot be read or masked. */
export const readOutput = async (
  { openHttp, maskOutput }: Pick<HerokuPorts, 'openHttp' | 'maskOutput'>,
  address: string | null | undefined,
  release: Release | null,
): Promise<readonly string[]> => {
  if (typeof address !== 'string' || !URL.canParse(address) || release === null) return []
  const mask = await maskOutput(release).catch(() => null)
  if (mask === null) return []
  const url = new URL(address)
  const opened = await openHttp({ method: 'GET', url, timeoutMilliseconds: readMilliseconds })
  if (!opened.ok) return []
  const text = await readEnd(opened.value.chunks)
  opened.value.close()
  return opened.value.status === 200 ? toLines(mask(text)) : []
}
