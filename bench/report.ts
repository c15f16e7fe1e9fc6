import { arch, availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { docker } from '../local/docker/docker.ts'

/** One line of a table. A figure that has a bar says whether it keeps it. */
export interface Figure {
  readonly what: string
  readonly measured: string
  /** `< 1 s`; left out where the design sets none. */
  readonly bar?: string
  readonly isKept?: boolean
  /** A count, which no slow machine can change: if it is missed, the run fails. */
  readonly isClaim?: boolean
}

export const print = (line: string): void => void process.stdout.write(`${line}\n`)

const toVerdict = ({ isKept }: Figure): string => {
  if (isKept === undefined) return ''
  return isKept ? 'kept' : 'MISSED'
}

/** A plain table: what, measured, bar, kept or missed. */
export const printTable = (title: string, figures: readonly Figure[]): void => {
  const rows = figures.map((figure) => [
    figure.what,
    figure.measured,
    figure.bar ?? '',
    toVerdict(figure),
  ])
  const all = [[title, 'measured', 'bar', ''], ...rows]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  print('')
  for (const row of all)
    print(
      row
        .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}

const dockerVersion = (): Promise<string> =>
  docker(['version', '--format', '{{.Server.Version}}']).then(
    (version) => version.trim(),
    () => 'none',
  )

export const toLoad = (): string => loadavg()[0]?.toFixed(1) ?? '?'

/** What the figures were measured on. */
export const describeMachine = async (): Promise<string> => {
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GB`
  const model = cpus()[0]?.model.trim() ?? ''
  return [
    `${availableParallelism()} cores ${arch()}${model === '' ? '' : ` (${model})`}, ${memory}`,
    `Node ${process.versions.node}, Docker ${await dockerVersion()}`,
    `load average ${toLoad()}`,
  ].join(' · ')
}
