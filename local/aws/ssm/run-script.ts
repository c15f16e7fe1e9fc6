import { isUtf8 } from 'node:buffer'
import { spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'

export interface ScriptOrder {
  readonly script: string
  /** `…/<command>/<step>`: where the script and its full output stay. */
  readonly directory: string
  /** All there is; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>
  readonly workingDirectory: string
  /** Put before `sh`, to enter the instance's namespace. */
  readonly enter: readonly string[]
}

export interface ScriptEnd {
  /** -1 where a signal ended it. */
  readonly exitCode: number
  /** That signal, as Go names it: `killed`. */
  readonly signal?: string
  readonly stdout: string
  readonly stderr: string
}

export interface RunningScript {
  readonly ended: Promise<ScriptEnd>
  /** SIGKILL to the whole process group: no trap runs. */
  kill(): void
}

/** As Go names them, by their numbers. */
const signalNames =
  '?,hangup,interrupt,quit,illegal instruction,trace/breakpoint trap,aborted,bus error,floating point exception,killed,user defined signal 1,segmentation fault,user defined signal 2,broken pipe,alarm clock,terminated'.split(
    ',',
  )

const nameSignal = (signal: NodeJS.Signals): string =>
  signalNames[constants.signals[signal]] ?? `signal ${constants.signals[signal]}`

/** As Go writes a text into JSON: each byte that belongs to no character becomes U+FFFD. */
export const decode = (bytes: Buffer): string => {
  if (isUtf8(bytes)) return bytes.toString()
  const pieces: string[] = []
  for (let at = 0; at < bytes.length;) {
    const size = [1, 2, 3, 4].find((length) => isUtf8(bytes.subarray(at, at + length)))
    pieces.push(size === undefined ? '\uFFFD' : bytes.toString('utf8', at, at + size))
    at += size ?? 1
  }
  return pieces.join('')
}

const capture = async (stream: Readable, path: string): Promise<string> => {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  const file = createWriteStream(path, { mode: 0o600 })
  stream.pipe(file)
  await finished(file)
  return decode(Buffer.concat(chunks))
}

/** How an instance runs a script. Another one stands in where no instance is wanted. */
export type RunScript = (order: ScriptOrder) => RunningScript

/** As the agent does: joined into `_script.sh`, mode 0700, run by `sh -c <path>` in its own group. */
export const runScript: RunScript = (order) => {
  mkdirSync(order.directory, { recursive: true, mode: 0o700 })
  const path = join(order.directory, '_script.sh')
  writeFileSync(path, order.script, { mode: 0o700 })
  const [program, ...rest] = [...order.enter, 'sh', '-c', path]
  const child = spawn(program, rest, {
    cwd: order.workingDirectory,
    env: order.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = Promise.all([
    capture(child.stdout, join(order.directory, 'stdout')),
    capture(child.stderr, join(order.directory, 'stderr')),
  ])
  const exited = new Promise<Pick<ScriptEnd, 'exitCode' | 'signal'>>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      resolve(
        signal === null ? { exitCode: code ?? 1 } : { exitCode: -1, signal: nameSignal(signal) },
      ),
    )
  })
  return {
    ended: Promise.all([exited, output]).then(([exit, [stdout, stderr]]) => ({
      ...exit,
      stdout,
      stderr,
    })),
    kill: () => {
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // The group is gone already.
      }
    },
  }
}
