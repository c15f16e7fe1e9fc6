import { join } from 'node:path'
import { run, type StricliProcess } from '@stricli/core'
import * as z from 'zod'
import { createApplication } from '../../cli/application.ts'
import type { Aws, SecretValue } from '../../cli/aws.ts'
import type { Desk } from '../../cli/desk.ts'
import type { CommandError } from '../../cli/exit.ts'
import { createTerminal } from '../../cli/terminal.ts'

const Input = z.record(z.string(), z.unknown())
type Input = z.output<typeof Input>

/** Answers a function, or throws what AWS would refuse it with. */
export type AnswerFunction = (name: string, input: Input) => unknown

export interface DeskOptions {
  readonly answer?: AnswerFunction
  readonly env?: Readonly<Record<string, string>>
  readonly directory?: string
  readonly files?: Readonly<Record<string, string>>
  /** Whether a person is there, and what is typed, a line each. */
  readonly isTerminal?: boolean
  readonly typed?: readonly string[]
  readonly input?: string
  readonly secret?: SecretValue
  /** Called before each write of the secret: somebody else may write first. */
  readonly beforeWrite?: (secret: { value: SecretValue }) => void
  readonly failure?: CommandError
}

export interface DeskRun {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly calls: readonly { readonly name: string; readonly input: Input }[]
  readonly questions: readonly string[]
  readonly secret: SecretValue
  /** How long was waited, and for how many seconds a command may run. */
  readonly waits: readonly number[]
  readonly ends: readonly number[]
  /** What is said where the command is left. */
  readonly leaving: readonly string[]
}

const here = {
  LANDFALL_STAGE: 'prod',
  LANDFALL_REGION: 'eu-west-3',
}

const now = Date.parse('2026-11-29T15:00:00.000Z')

const createFakeAws = (
  { answer = () => ({}), beforeWrite = () => undefined, failure }: DeskOptions,
  calls: { name: string; input: Input }[],
  held: { value: SecretValue },
): Aws => ({
  invoke: async (name, input) => {
    if (failure !== undefined) throw failure
    const call = {
      name: name.replace(/^landfall-prod-/, ''),
      input: Input.parse(JSON.parse(input)),
    }
    calls.push(call)
    return { text: JSON.stringify(answer(call.name, call.input)), hasFailed: false }
  },
  whoAmI: async () => 'ada',
  readSecret: async () => held.value,
  replaceSecret: async (_name, text, expected) => {
    beforeWrite(held)
    if (held.value.version !== expected) return false
    held.value = { text, version: `${expected}+` }
    return true
  },
})

/** Runs a command in this process, with everything around it made up. */
export const runAtFakeDesk = async (
  args: readonly string[],
  options: DeskOptions = {},
): Promise<DeskRun> => {
  const { env = here, directory = '/work/team', files = {}, isTerminal = false } = options
  const typed = [...(options.typed ?? [])]
  const [calls, questions, waits, ends]: [
    DeskRun['calls'][number][],
    string[],
    number[],
    number[],
  ] = [[], [], [], []]
  const held = { value: options.secret ?? { text: '{}', version: 'v1' } }
  let [out, err] = ['', '']
  let leaving: readonly string[] = []
  const stdout = { write: (text: string) => (out += text) }
  const stderr = {
    write: (text: string) => (err += text),
    isTTY: isTerminal,
    columns: 100,
    rows: 30,
  }
  const type = async (question: string): Promise<string> => {
    questions.push(question)
    return typed.shift() ?? ''
  }
  const desk: Desk = {
    env,
    directory,
    readText: (path) => files[join(path)] ?? null,
    regionOfProfile: async () => undefined,
    openTerminal: (wishes) =>
      createTerminal({ stdout, stderr, stdin: { isTTY: isTerminal }, env, ...wishes }),
    openAws: async () => createFakeAws(options, calls, held),
    ask: type,
    askHidden: type,
    readInput: async () => options.input ?? '',
    listFiles: (folder) =>
      Object.keys(files).flatMap((path) => {
        const prefix = `${join(folder).replace(/\/$/, '')}/`
        return path.startsWith(prefix) ? [path.slice(prefix.length)] : []
      }),
    now: () => now,
    wait: async (milliseconds) => {
      waits.push(milliseconds)
      if (waits.length > 100) throw new Error('the command waits for ever')
    },
    every: () => () => undefined,
    newId: () => 'an-id',
    leaveWith: (lines) => {
      leaving = lines
    },
    endAfter: (seconds) => void ends.push(seconds),
  }
  const process: StricliProcess = { stdout, stderr, env, exitCode: null }
  await run(createApplication('0.1.0'), args, { process, desk })
  const code = Number(process.exitCode ?? 0)
  return { code, out, err, calls, questions, secret: held.value, waits, ends, leaving }
}
