import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { directoryPrefix } from './leftovers.ts'
import { playOnEc2 } from './on-ec2.ts'
import { playOnHeroku } from './on-heroku.ts'
import { playOnRender } from './on-render.ts'
import type { Play } from './play.ts'
import { createScreen, showSummary } from './screen.ts'

const plays: Readonly<Record<string, Play>> = {
  ec2: playOnEc2,
  render: playOnRender,
  heroku: playOnHeroku,
}

const choosePlay = (): Play | null => {
  const { values } = parseArgs({ options: { target: { type: 'string', default: 'ec2' } } })
  return plays[values.target] ?? null
}

/** 0 only when every act did what it says. */
const main = async (): Promise<number> => {
  const play = choosePlay()
  if (play === null) {
    process.stderr.write(`npm run demo -- --target ${Object.keys(plays).join(' | ')}\n`)
    return 1
  }
  const directory = mkdtempSync(join(tmpdir(), directoryPrefix))
  try {
    const acts = await play(createScreen(), directory)
    showSummary(acts)
    return acts.every(({ ok }) => ok) ? 0 : 1
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

process.exitCode = await main()
