import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { listen } from '../../local/base/listen.ts'

/** What the stand-in answers to one call; `json` is the answer of a function. */
export interface StandAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json: unknown
}

/** A function that was called, with its input; or `sts`. */
export interface StandCall {
  readonly name: string
  readonly input: unknown
}

/** An error of Lambda, as AWS answers it. */
export const refuseByAws = (code: string, message: string, status = 403): StandAnswer => ({
  status,
  headers: { 'x-amzn-errortype': code },
  json: { Message: message },
})

const identity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/Admin/ada</Arn><UserId>AROA:ada</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

const toInput = (body: string): unknown => JSON.parse(body)

const nameOf = ({ url = '' }: IncomingMessage): string =>
  /\/functions\/([^/]+)\/invocations/.exec(url)?.[1] ?? 'sts'

export interface Run {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly cwd?: string
  /** Through a terminal of its own. */
  readonly isTerminal?: boolean
  /** What a person types at the terminal once this stands there. */
  readonly typed?: readonly [at: string, keys: string]
  readonly onStart?: (child: ChildProcess) => void
}

const typeAt = (child: ChildProcess, [at, keys]: readonly [string, string]): void => {
  let seen = ''
  const read = (chunk: Buffer): void => {
    seen += chunk.toString()
    if (!seen.includes(at)) return
    child.stdout?.off('data', read)
    child.stdin?.write(keys)
  }
  child.stdout?.on('data', read)
}

const bin = join(import.meta.dirname, '../../bin/landfall.mjs')

/** The shell is no part of what is tested: every argument goes through it unread. */
const quote = (argument: string): string => `'${argument.replaceAll("'", String.raw`'\''`)}'`

/** `landfall …` as a process of its own, with no environment but this. */
export const runLandfall = (
  args: readonly string[],
  { env = {}, input, cwd, typed, isTerminal = typed !== undefined, onStart }: RunOptions = {},
): Promise<Run> =>
  new Promise((resolve, reject) => {
    const whole = [process.execPath, bin, ...args]
    const [program = '', ...rest] = isTerminal
      ? ['script', '-qec', whole.map(quote).join(' '), '/dev/null']
      : whole
    const child = spawn(program, rest, {
      cwd: cwd ?? tmpdir(),
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...env },
    })
    onStart?.(child)
    if (typed !== undefined) typeAt(child, typed)
    child.stdin.on('error', () => undefined)
    if (input !== undefined || !isTerminal) child.stdin.end(input ?? '')
    const ended = new Promise<number | null>((end) => {
      child.on('close', end)
    })
    const all = Promise.all([ended, text(child.stdout), text(child.stderr)])
    all.then(([code, out, err]) => resolve({ code, out, err }), reject)
    child.on('error', reject)
  })

/** The functions of a stage, each answered by `answer`. */
export const startStand = async (answer: (call: StandCall) => StandAnswer) => {
  const calls: StandCall[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request)
    const name = nameOf(request)
    if (name === 'sts') {
      response.writeHead(200, { 'content-type': 'text/xml' }).end(identity)
      return
    }
    const call = { name, input: body === '' ? {} : toInput(body) }
    calls.push(call)
    const { status = 200, headers = {}, json } = answer(call)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof json === 'string' ? json : JSON.stringify(json))
  }
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  const port = await listen(server, 0)
  const directory = mkdtempSync(join(tmpdir(), 'landfall-cli-'))
  const env = {
    AWS_ENDPOINT_URL: `http://localhost:${port}`,
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'a'.repeat(40),
    AWS_REGION: 'eu-west-3',
    LANDFALL_STAGE: 'prod',
  }
  return {
    env,
    calls,
    directory,
    write: (name: string, content: string): string => {
      const path = join(directory, name)
      writeFileSync(path, content)
      return path
    },
    run: (args: readonly string[], options: RunOptions = {}) =>
      runLandfall(args, { cwd: directory, ...options, env: { ...env, ...options.env } }),
    stop: async (): Promise<void> => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export type Stand = Awaited<ReturnType<typeof startStand>>
