import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { proposeCompletions, run } from '@stricli/core'
import { createApplication } from './application.ts'
import type { Desk } from './desk.ts'
import { exitCodes } from './exit.ts'
import type { CliContext } from './flags.ts'
import { createTerminal } from './terminal.ts'

/** Set when the bundle is made. */
declare const LANDFALL_VERSION: string

const readTextFile = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

const listFiles = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** Empty where nothing more is typed. */
const askLine = (question: string): Promise<string> =>
  new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    // Where it reads single keys, it takes Ctrl-C as one.
    lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    lines.on('close', () => resolve(''))
    lines.question(question, (typed) => {
      resolve(typed)
      lines.close()
    })
  })

/** Nothing of what is typed is echoed: the terminal is in raw mode meanwhile. */
const askHidden = (question: string): Promise<string> =>
  new Promise((resolve) => {
    const { stdin, stderr } = process
    let typed = ''
    const end = (settle: () => void): void => {
      stdin.setRawMode(false)
      stdin.pause()
      stdin.off('data', take)
      stderr.write('\n')
      settle()
    }
    const take = (chunk: Buffer): void => {
      for (const key of chunk.toString()) {
        if (key === '\u0003') return end(() => process.kill(process.pid, 'SIGINT'))
        if (key === '\u0004') return end(() => resolve(''))
        if (key === '\r' || key === '\n') return end(() => resolve(typed))
        typed = key === '\u007F' || key === '\b' ? typed.slice(0, -1) : typed + key
      }
    }
    // Before the question, so that nothing typed early is echoed.
    stdin.setRawMode(true)
    stderr.write(question)
    stdin.on('data', take)
    stdin.resume()
  })

const leave = (lines: readonly string[], exitCode: number): void => {
  process.stderr.write(lines.map((line) => `${line}\n`).join(''))
  process.exit(exitCode)
}

const createDesk = (): Desk => {
  let leaving: readonly string[] = []
  process.on('SIGINT', () =>
    leave(leaving.length === 0 ? [] : ['', ...leaving], exitCodes.interrupted),
  )
  const { env, stdout, stderr, stdin } = process
  return {
    env,
    directory: process.cwd(),
    readText: readTextFile,
    regionOfProfile: async (profile) => (await import('./aws.ts')).regionOfProfile(profile),
    openTerminal: (wishes) => createTerminal({ stdout, stderr, stdin, env, ...wishes }),
    openAws: async (...given) => (await import('./aws.ts')).createAws(...given),
    ask: askLine,
    askHidden,
    readInput: () => text(stdin),
    listFiles,
    now: () => Date.now(),
    wait: (milliseconds) => sleep(milliseconds),
    every: (milliseconds, act) => {
      const timer = setInterval(act, milliseconds)
      return () => clearInterval(timer)
    },
    newId: () => randomUUID(),
    leaveWith: (lines) => {
      leaving = lines
    },
    endAfter: (seconds) => {
      const end = () => leave(['landfall: the time is over', ...leaving], exitCodes.timeout)
      setTimeout(end, seconds * 1000).unref()
    },
  }
}

/** A reader that has seen enough, as `head` has, is no error. */
const endOnClosedPipe = (stream: NodeJS.WriteStream): void => {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.done)
    throw error
  })
}

/** Runs the command line of this process, and sets its exit code. */
export const main = async (given: readonly string[]): Promise<void> => {
  endOnClosedPipe(process.stdout)
  endOnClosedPipe(process.stderr)
  const application = createApplication(LANDFALL_VERSION)
  const { stdout, stderr, env } = process
  const context: CliContext = {
    process: { stdout, stderr, env, exitCode: null },
    desk: createDesk(),
  }
  const [first, ...rest] = given
  if (first === '--complete') {
    const proposed = await proposeCompletions(application, rest, context)
    process.stdout.write(proposed.map(({ completion }) => `${completion}\n`).join(''))
    return
  }
  await run(application, given, context)
  const code = Number(context.process.exitCode ?? exitCodes.done)
  // Stricli's own codes are negative: what was typed could not be read.
  process.exitCode = code < 0 ? exitCodes.usage : code
}
