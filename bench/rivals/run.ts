import { print, printTable, toLoad } from '../report.ts'
import { readKept, removeKept, writeKept } from './kept.ts'
import type { PartResult } from './result.ts'
import type { Server } from './server.ts'
import { openStage, type Stage } from './stage.ts'
import { measureEvents, measureMemory, measurePosts } from './streams.ts'
import { measureSwitch } from './switch.ts'
import { measureThroughput } from './throughput.ts'

// `run.ts CLIENTS [PART...]` runs in the network of the servers, with their engine in DOCKER_HOST. CLIENTS is the network
// namespace of the clients.

/** In this order: the first three run on one release. */
const parts: Readonly<Record<string, (stage: Stage) => Promise<PartResult>>> = {
  throughput: measureThroughput,
  events: measureEvents,
  memory: measureMemory,
  posts: measurePosts,
  switch: measureSwitch,
}

/** As Markdown, so that it can stand in a page as it is. */
const printResult = (servers: readonly Server[], results: readonly PartResult[]): void => {
  const names = servers.map(({ name }) => name)
  const rows = results.flatMap((result) => result.rows)
  const lines = [
    ['', ...names],
    names.map(() => '---').concat('---'),
    ...rows.map(({ what, cells }) => [what, ...names.map((name) => cells[name] ?? '')]),
  ]
  print('')
  for (const line of lines) print(`| ${line.join(' | ')} |`)
  printTable(
    'bar',
    results.flatMap(({ bars }) => bars),
  )
}

/** @returns how many bars were missed */
const measureParts = async (stage: Stage, asked: readonly string[]): Promise<number> => {
  const versions = stage.servers.map(({ name, version }) => `${name} ${version}`.trim()).join(', ')
  print(versions)
  const kept = readKept(versions)
  for (const [name, measure] of Object.entries(parts)) {
    if (asked.length > 0 ? !asked.includes(name) : name in kept.parts) continue
    const begun = performance.now()
    kept.parts[name] = { result: await measure(stage), at: new Date().toISOString() }
    writeKept(kept)
    const seconds = ((performance.now() - begun) / 1000).toFixed(0)
    print(`${name}: measured in ${seconds} s, load average ${toLoad()}`)
  }
  const results = Object.keys(parts).flatMap((name) => {
    const part = kept.parts[name]
    if (part !== undefined) print(`${name}: of ${part.at}`)
    return part?.result ?? []
  })
  printResult(stage.servers, results)
  if (results.length === Object.keys(parts).length) removeKept()
  return results.flatMap(({ bars }) => bars).filter(({ isKept }) => !isKept).length
}

const main = async (): Promise<number> => {
  const [, , clients = '', ...asked] = process.argv
  const unknown = asked.filter((name) => !Object.hasOwn(parts, name))
  if (unknown.length > 0) {
    const known = Object.keys(parts).join(', ')
    process.stderr.write(`there is no ${unknown.join(', ')} of the rivals; there is ${known}\n`)
    return 1
  }
  const stage = await openStage(clients)
  try {
    const missed = await measureParts(stage, asked)
    print(`\nbars missed: ${missed}`)
    return missed > 0 ? 1 : 0
  } finally {
    await stage.stop()
  }
}

process.exitCode = await main()
