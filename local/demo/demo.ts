import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { directoryPrefix } from './leftovers.ts'
import { playOnEc2 } from './on-ec2.ts'
import { playOnHeroku } from './on-heroku.ts'
import { playOnRender } from './on-render.ts'
import type { Play, Stay } from './play.ts'
import { openLink } from '../stack/open-link.ts'
import { watchForEnd } from '../stack/ending.ts'
import { createScreen, showPage, showSummary } from './screen.ts'

const plays: Readonly<Record<string, Play>> = {
  ec2: playOnEc2,
  render: playOnRender,
  heroku: playOnHeroku,
}

const readOptions = (): { readonly play: Play | null; readonly isToStay: boolean } => {
  const options = {
    target: { type: 'string', default: 'ec2' },
    stay: { type: 'boolean', default: false },
  } as const
  const { values } = parseArgs({ options })
  return { play: plays[values.target] ?? null, isToStay: values.stay }
}

/** Leaves the stack and its page open until Ctrl-C. */
const stayOpen: Stay = async (stack, acts) => {
  const ending = watchForEnd()
  showSummary(acts)
  showPage(await openLink(stack, 'demo'))
  if (!ending.aborted) await once(ending, 'abort')
}

const leave: Stay = () => Promise.resolve()

/** 0 only when every act did what it says. */
const main = async (): Promise<number> => {
  const { play, isToStay } = readOptions()
  if (play === null) {
    process.stderr.write(`npm run demo -- --target ${Object.keys(plays).join(' | ')} [--stay]\n`)
    return 1
  }
  const directory = mkdtempSync(join(tmpdir(), directoryPrefix))
  try {
    const acts = await play(createScreen(), directory, isToStay ? stayOpen : leave)
    if (!isToStay) showSummary(acts)
    return acts.every(({ ok }) => ok) ? 0 : 1
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

process.exitCode = await main()
