import { spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
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
  /** 137 where a signal ended it. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunningScript {
  readonly ended: Promise<ScriptEnd>
  /** SIGKILL to the whole process group: no trap runs. */
  kill(): void
}

const killedCode = 137

const capture = async (stream: Readable, path: string): Promise<string> => {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  const file = createWriteStream(path, { mode: 0o600 })
  stream.pipe(file)
  await finished(file)
  return Buffer.concat(chunks).toString('utf8')
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
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? killedCode))
  })
  return {
    ended: Promise.all([exited, output]).then(([exitCode, [stdout, stderr]]) => ({
      exitCode,
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
