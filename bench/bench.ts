import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measureCarry } from './carry.ts'
import { measureCli } from './cli.ts'
import { deployBase, measureDeployment } from './deployment.ts'
import { measureFleet } from './fleet.ts'
import { measureImport } from './import.ts'
import { measureProxy } from './proxy.ts'
import { describeMachine, print, printTable, toLoad, type Figure } from './report.ts'
import { measureRivals } from './rivals/rivals.ts'
import { measureRollback } from './rollback.ts'
import { startBenchTeam, type BenchTeam } from './team.ts'
import { measureVerification } from './verification.ts'
import { measureWebhookOwn } from './webhook-own.ts'
import { measureWebhook } from './webhook.ts'

/** It counts rather than measures, and takes as long as all others together. */
const byNameOnly = 'fleet'

/** By name only too, because it needs other programs; it has parts of its own. */
const rivals = 'rivals'

type Measure = () => Promise<readonly Figure[]>

/** Started by the first part that needs it, and what it has deployed likewise. */
const createLazyTeam = (directory: string) => {
  let started: Promise<BenchTeam> | null = null
  let deployed: Promise<string> | null = null
  const start = () => (started ??= startBenchTeam(join(directory, 'team')))
  return {
    start,
    ready: async () => {
      const team = await start()
      return { team, base: await (deployed ??= deployBase(team)) }
    },
    stop: async () => {
      const team = await started?.catch(() => null)
      await team?.stop()
    },
  }
}

/** In this order: what needs quiet comes before what leaves a backlog. */
const createParts = (
  directory: string,
  { start, ready }: ReturnType<typeof createLazyTeam>,
): Readonly<Record<string, Measure>> => ({
  verification: measureVerification,
  import: () => measureImport(directory),
  fleet: () => measureFleet(directory),
  carry: () => measureCarry(directory),
  cli: async () => measureCli(await start()),
  deployment: async () => {
    const { team, base } = await ready()
    return measureDeployment(team, base)
  },
  rollback: async () => {
    const { team, base } = await ready()
    return measureRollback(team, base)
  },
  proxy: async () => measureProxy((await ready()).team),
  webhook: async () => [
    ...(await measureWebhookOwn(directory)),
    ...(await measureWebhook(await start())),
  ],
})

const main = async (): Promise<number> => {
  const begun = performance.now()
  const directory = mkdtempSync(join(tmpdir(), 'landfall-bench-'))
  const team = createLazyTeam(directory)
  const parts = createParts(directory, team)
  const asked = process.argv.slice(2)
  if (asked[0] === rivals) {
    print(`${new Date().toISOString().slice(0, 10)} · ${await describeMachine()}`)
    return measureRivals(asked.slice(1))
  }
  const unknown = asked.filter((name) => !Object.hasOwn(parts, name))
  if (unknown.length > 0) {
    process.stderr.write(
      `there is no ${unknown.join(', ')}; there is ${[...Object.keys(parts), rivals].join(', ')}\n`,
    )
    return 1
  }
  print(`${new Date().toISOString().slice(0, 10)} · ${await describeMachine()}`)
  let missed = 0
  let broken = 0
  try {
    for (const [name, measure] of Object.entries(parts)) {
      if (asked.length > 0 ? !asked.includes(name) : name === byNameOnly) continue
      const figures = await measure()
      printTable(name, figures)
      const below = figures.filter(({ isKept }) => isKept === false)
      missed += below.length
      broken += below.filter(({ isClaim }) => isClaim).length
    }
  } finally {
    await team.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  print(`\n${seconds} s, load average ${toLoad()} at the end, bars missed: ${missed}`)
  return broken > 0 ? 1 : 0
}

process.exitCode = await main()
