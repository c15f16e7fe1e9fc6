import type { Mistake, Path } from './mistake.ts'

/** What is wrong, and what works but may not be what was meant. */
export interface Findings {
  readonly mistakes: readonly Mistake[]
  readonly warnings: readonly Mistake[]
}

export const gather = (all: readonly Findings[]): Findings => ({
  mistakes: all.flatMap(({ mistakes }) => mistakes),
  warnings: all.flatMap(({ warnings }) => warnings),
})

export const mistaken = (
  path: Path,
  message: string,
  options: Pick<Mistake, 'ofKey'> = {},
): Findings => ({ mistakes: [{ path, message, ...options }], warnings: [] })

export const warned = (path: Path, message: string): Findings => ({
  mistakes: [],
  warnings: [{ path, message: `warning: ${message}` }],
})

export const when = (condition: boolean, findings: Findings): Findings =>
  condition ? findings : gather([])
