import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { findMoto, openMotoStack, startMoto } from './support/moto.ts'
import type { Packaged } from './support/packaged.ts'

type Say = (verdict: 'ok' | 'FAILED' | 'skipped', what: string) => boolean

const dsn = 'https://key@o1.ingest.sentry.io/2'

/** What went wrong, a sentence each. */
const tryStack = async (
  { directory: source }: Packaged,
  { run, functions, documents }: ReturnType<typeof openMotoStack>,
): Promise<readonly string[]> => {
  const wrong: string[] = []
  const hold = (isTrue: boolean, what: string): void => void (isTrue || wrong.push(what))
  const names = readdirSync(join(source, 'bundles')).map((name) => `landfall-local-${name}`)
  await run('deploy')
  const found = (await functions()).map(({ FunctionName = '' }) => FunctionName)
  hold(found.toSorted().join() === names.toSorted().join(), `functions: ${found.join(', ')}`)
  const first = await documents()
  hold(first.length > 0, 'no document')
  const info = await run('info')
  for (const name of names) hold(info.includes(name), `info lacks ${name}`)
  await run('deploy', { SENTRY_DSN: dsn })
  const changed = await functions()
  const isChanged = changed.every((one) => one.Environment?.Variables?.['SENTRY_DSN'] === dsn)
  hold(changed.length === names.length && isChanged, 'an update changes no function')
  const second = await documents()
  hold(first.join() === second.join(), 'an update without a change of a script changes a document')
  await run('remove')
  hold((await functions()).length === 0, 'functions are left')
  hold((await documents()).length === 0, 'documents are left')
  return wrong
}

/** `sls deploy`, `info`, another `deploy`, `remove`. */
const checkStack = async (
  say: Say,
  python: string,
  packaged: Packaged,
  directory: string,
): Promise<boolean> => {
  const what = 'moto: the stack is deployed, shown, updated and removed'
  const moto = await startMoto(python, directory)
  try {
    const stack = openMotoStack(moto.address, directory)
    const wrong = await tryStack(packaged, stack).catch((error: unknown) => [String(error)])
    const verdict = say(wrong.length === 0 ? 'ok' : 'FAILED', [what, ...wrong].join('; '))
    process.stdout.write(`${' '.repeat(9)}it makes no ${moto.gaps().join(', ')}\n`)
    return verdict
  } finally {
    moto.stop()
  }
}

const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs')

/** The tests of the journal, which `npm run check` runs against dynalite. */
const checkJournal = async (say: Say, python: string, directory: string): Promise<boolean> => {
  const moto = await startMoto(python, directory)
  const options = [vitest, 'run', '--project', 'unit', 'test/contract/journal-']
  const env = { ...process.env, LANDFALL_DYNAMODB: moto.address }
  let said = ''
  const child = spawn(process.execPath, options, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const code = await new Promise((resolve) => child.once('exit', resolve))
  moto.stop()
  const count = /^\s*Tests\s+(.*)$/m.exec(said)?.[1] ?? 'none ran'
  if (code !== 0) process.stdout.write(said)
  return say(code === 0 ? 'ok' : 'FAILED', `moto: the contract tests of the journal: ${count}`)
}

/** moto, an AWS in Python: the stack and the journal, side by side, each at a server of its own. */
export const checkMoto = async (
  say: Say,
  packaged: Packaged,
  directory: string,
): Promise<boolean> => {
  const python = findMoto()
  if (python === null)
    return say('skipped', 'moto, with the stack and the journal (docs/testing.md)')
  const passed = await Promise.all([
    checkStack(say, python, packaged, directory),
    checkJournal(say, python, directory),
  ])
  return passed.every(Boolean)
}
