import { countOf, sumOf, woken, type Calls } from './fleet-calls.ts'
import { print } from './report.ts'

export interface CallRow {
  readonly what: string
  readonly calls: Calls
}

/** A column for each API that any row calls, their sum, and how often `reconcile` woke. */
export const printCalls = (title: string, rows: readonly CallRow[]): void => {
  const apis = [...new Set(rows.flatMap(({ calls }) => [...calls.keys()]))]
    .filter((name) => name !== woken)
    .toSorted()
  const names = apis.map((name) => name.split(':')[1] ?? name)
  const table = [
    [title, ...names, 'calls', woken],
    ...rows.map(({ what, calls }) => [
      what,
      ...[...apis.map((name) => countOf(calls, name)), sumOf(calls), countOf(calls, woken)].map(
        String,
      ),
    ]),
  ]
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  )
  print('')
  for (const row of table)
    print(
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths?.[0] ?? 0) : cell.padStart(widths?.[column] ?? 0),
        )
        .join('  '),
    )
}
