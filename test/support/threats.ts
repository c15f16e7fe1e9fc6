/** A row of docs/threat-model.md: what an attacker cannot do, and the tests that would fail if they could. */
export interface Threat {
  readonly attacker: string
  readonly cannot: string
  readonly tests: readonly { readonly file: string; readonly title: string }[]
  /** Why no test shows it; null if one does. */
  readonly notShown: string | null
}

/** `path`, _title_: a test that is cited. */
export const toTests = (text: string): Threat['tests'] =>
  [...text.matchAll(/`(test\/[^`]+\.ts)`,\s+_(.+?)_(?!\w)/g)].map(([, file = '', title = '']) => ({
    file,
    title,
  }))

const toRows = (section: string): readonly (readonly string[])[] => {
  const table = /^\| cannot .*\n\| -.*\n((?:\|.*\n)*)/m.exec(section)?.[1] ?? ''
  return table
    .split('\n')
    .filter(Boolean)
    .map((row) =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** The rows of the page's tables that begin with `cannot`, in its order. */
export const readThreats = (page: string): readonly Threat[] =>
  page.split(/^## /m).flatMap((section) => {
    const attacker = section.split('\n')[0] ?? ''
    return toRows(section).map(([cannot = '', shown = '']) => ({
      attacker,
      cannot,
      tests: toTests(shown),
      notShown: shown.startsWith('not shown') ? shown : null,
    }))
  })
