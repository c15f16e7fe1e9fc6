import type { LoadResult } from '../load/load.ts'
import type { ShownDeployment } from '../team/operators.ts'
import type { Act } from './act.ts'

const write = (line = ''): void => void process.stdout.write(`${line}\n`)

const pad = (text: string, width: number): string => text.padEnd(width).slice(0, width)

const showRow = (cells: readonly string[], widths: readonly number[]): string =>
  cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')

/** Columns as wide as their widest cell. */
const showTable = (rows: readonly (readonly string[])[]): void => {
  const columns = rows[0]?.map((_, index) => rows.map((row) => row[index] ?? '')) ?? []
  const widths = columns.map((cells) => Math.max(...cells.map((cell) => cell.length)))
  const [head, ...rest] = rows.map((row) => showRow(row, widths).trimEnd())
  write(`  ${head ?? ''}`)
  write(`  ${widths.map((width) => '-'.repeat(width)).join('  ')}`)
  for (const row of rest) write(`  ${row}`)
}

/** What failed on its way, and what came back as an error of the release itself. */
const describeLoad = ({ sent, failed, ownErrors }: LoadResult): string => {
  const own = ownErrors === 0 ? '' : `, ${ownErrors} answered 500 by the release itself`
  return `${sent} requests sent, ${failed} failed${own}`
}

/** What the demo prints: one line per fact, with the time since it began. */
export const createScreen = () => {
  const begun = performance.now()
  let acts = 0
  const say = (line: string): void => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    write(`${pad(`${seconds} s`, 8)} ${line}`)
  }
  return {
    say,
    begin: (title: string): void => {
      acts += 1
      write()
      write(`Act ${acts}. ${title}`)
    },
    /** Says every two seconds how the load fares; stops when called. */
    watch: (result: () => LoadResult): (() => void) => {
      const timer = setInterval(() => {
        say(describeLoad(result()))
      }, 2000)
      return () => clearInterval(timer)
    },
    showEnd: ({ ok, load, seconds, says }: Act): void => {
      if (load !== null)
        say(`${describeLoad(load)}, slowest ${load.slowestMilliseconds.toFixed(0)} ms`)
      for (const failure of load?.failures.slice(0, 2) ?? []) say(`  for instance: ${failure}`)
      say(`${ok ? 'done' : 'NOT AS SAID'} after ${seconds.toFixed(1)} s: ${says}`)
    },
  }
}
export type Screen = ReturnType<typeof createScreen>

const deploySteps = (deployment: ShownDeployment) =>
  deployment.steps.filter(({ purpose }) => purpose === 'deploy').flatMap(({ steps }) => steps)

const showStep = (deployment: ShownDeployment, name: string): string => {
  const step = deploySteps(deployment).find((one) => one.name === name)
  if (step === undefined) return ''
  const seconds = `${(step.seconds ?? 0).toFixed(2)} s`
  return { skipped: '-', failed: `${seconds} failed` }[step.status] ?? seconds
}

const showSteps = (acts: readonly Act[]): void => {
  const shown = acts.flatMap(({ deployment }) => deployment ?? [])
  const names = [...new Set(shown.flatMap((one) => deploySteps(one).map(({ name }) => name)))]
  showTable([
    ['step', ...shown.map(({ generation, status }) => `#${generation} ${status}`)],
    ...names.map((name) => [name, ...shown.map((one) => showStep(one, name))]),
  ])
}

const loadColumns = ['sent', 'failed', 'own 500', 'away', 'slowest']

const showLoad = (load: LoadResult): readonly string[] => [
  String(load.sent),
  String(load.failed),
  String(load.ownErrors),
  `${(load.awayMilliseconds / 1000).toFixed(1)} s`,
  `${load.slowestMilliseconds.toFixed(0)} ms`,
]

/** The table at the end: what each act sent, lost and took, and the steps of each deployment. */
export const showSummary = (acts: readonly Act[]): void => {
  const isLoaded = acts.some(({ load }) => load !== null)
  write()
  showTable([
    ['act', ...(isLoaded ? loadColumns : []), 'took', 'as said'],
    ...acts.map(({ title, load, seconds, ok }) => [
      title,
      ...(load === null ? [] : showLoad(load)),
      `${seconds.toFixed(1)} s`,
      ok ? 'yes' : 'NO',
    ]),
  ])
  write()
  showSteps(acts)
  write()
  write('Try next:')
  write('  npm start                                         # the same stack, to stay')
  write(
    '  . .landfall/env                                   # in a second shell: its address and key',
  )
  write('  npx sls invoke -f status --stage local            # there')
  write('  npm run demo -- --stay                            # again, and its page stays open')
  write('  less docs/getting-started.md                      # a first deployment to real AWS')
}

/** How to open the page of a demo that stays. */
export const showPage = (link: string): void => {
  write()
  write('The page, by a link that opens it once, within five minutes:')
  write(`  ${link}`)
  write('Ctrl-C ends it.')
}
