import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import * as z from 'zod'

/** By name, each form in which a planted value may lie somewhere. */
export type Traces = Readonly<Record<string, readonly string[]>>

/** The characters of base64 that hold only bits of the text, which begins at this byte of a group. */
const toBase64 = (text: string, offset: number): string => {
  const whole = Buffer.from('-'.repeat(offset) + text).toString('base64')
  return whole.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + text.length) * 8) / 6))
}

/** As it is and inside of anything in base64. Markers are letters and digits, which no quoting changes. */
export const toTraces = (markers: Readonly<Record<string, string>>): Traces =>
  Object.fromEntries(
    Object.entries(markers).map(([name, marker]) => [
      name,
      [marker, ...[0, 1, 2].map((offset) => toBase64(marker, offset))],
    ]),
  )

/** The names of what is found in a text. */
export const findIn = (traces: Traces, text: string): readonly string[] =>
  Object.entries(traces).flatMap(([name, forms]) =>
    forms.some((form) => text.includes(form)) ? [name] : [],
  )

/** Files below these directories that hold any of it; the patterns go in by standard input. */
export const findFiles = (
  traces: Traces,
  directories: readonly string[],
  excluded: readonly string[] = [],
): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    const without = excluded.map((name) => `--exclude-dir=${name}`)
    const order = ['-rlaFs', '-f', '-', ...without, '--', ...directories]
    const child = execFile('grep', order, (error, stdout) => {
      // 1: nothing found; 2: a file went away while it was looked for.
      if (error !== null && error.code !== 1 && error.code !== 2) return reject(error)
      resolve(stdout.split('\n').filter(Boolean).toSorted())
    })
    child.stdin?.end(`${Object.values(traces).flat().join('\n')}\n`)
  })

const Watched = z.object({
  looks: z.number(),
  longestGap: z.number(),
  /** Where it was found in the processes of the app's containers, and where in others. */
  inApp: z.array(z.string()),
  foreign: z.array(z.string()),
  commands: z.array(z.string()),
})

/** Looks at the command line and the environment of every process all the time, until it is stopped. */
export const watchProcesses = async (
  traces: Traces,
  app: string,
): Promise<() => Promise<z.infer<typeof Watched>>> => {
  const file = new URL('./end-to-end-process-watch.ts', import.meta.url)
  const worker = new Worker(file, { workerData: { traces, app }, execArgv: [] })
  await once(worker, 'message')
  return async () => {
    const answer = once(worker, 'message')
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
    worker.postMessage('stop')
    const watched = z.tuple([Watched]).parse(await answer)
    await worker.terminate()
    return watched[0]
  }
}

/** What Sentry would be sent, at a DSN of this machine. */
export const startSentry = async () => {
  const envelopes: string[] = []
  const server = createServer((request, response) => {
    const keep = async (): Promise<void> => {
      envelopes.push(`${JSON.stringify(request.headers)}\n${await readText(request)}`)
      response.end('{}')
    }
    void keep()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    dsn: `http://public@127.0.0.1:${port}/1`,
    envelopes,
    stop: (): void => {
      server.closeAllConnections()
      server.close()
    },
  }
}
