import { styleText } from 'node:util'

/** A style of `util.styleText`. */
export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string

export const plainly: Paint = (_style, text) => text

export const colourfully: Paint = (style, text) => styleText(style, text, { validateStream: false })

interface Stream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  readonly write: (text: string) => unknown
}

export interface Terminal {
  /** The result. */
  readonly print: (lines: readonly string[]) => void
  /** Progress; nothing under `--quiet`. */
  readonly say: (line: string) => void
  /** An error. */
  readonly warn: (line: string) => void
  /** Lines that stay, then a block in the place of the block before. Elsewhere than on a terminal nothing of it. */
  readonly draw: (stay: readonly string[], block: readonly string[]) => void
  /** Whether `draw` shows anything. */
  readonly isDrawing: boolean
  /** Whether a question can be asked. */
  readonly isAsking: boolean
  readonly paint: { readonly out: Paint; readonly err: Paint }
  readonly rows: () => number
}

export interface TerminalParts {
  readonly stdout: Stream
  readonly stderr: Stream
  readonly stdin: { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isQuiet: boolean
  readonly hasColour: boolean
}

/** Two columns, in most fonts. */
const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uFF01-\uFF60]/u

/** The style that begins here, as `util.styleText` writes them; else one character. */
const takeNext = (line: string, at: number): { readonly text: string; readonly width: number } => {
  if (line.startsWith('\u001B[', at)) {
    const end = line.indexOf('m', at)
    if (end >= 0) return { text: line.slice(at, end + 1), width: 0 }
  }
  const text = String.fromCodePoint(line.codePointAt(at) ?? 0)
  return { text, width: wide.test(text) ? 2 : 1 }
}

/** A line that wraps could not be drawn over: it is cut to the columns, its styles kept whole. */
export const cutToColumns = (line: string, columns: number): string => {
  let taken = 0
  let kept = ''
  for (let at = 0; at < line.length;) {
    const { text, width } = takeNext(line, at)
    if (taken + width <= columns) kept += text
    taken += width
    at += text.length
  }
  return kept
}

/** Lines of the block are cut, because it is drawn over; those that stay may wrap. */
const createDraw = (stream: Stream): Terminal['draw'] => {
  let drawn = 0
  return (stay, block) => {
    // A terminal that nobody has told its size has 0 columns.
    const columns = (stream.columns || 80) - 1
    const up = drawn === 0 ? '' : `\u001B[${drawn}A\r\u001B[J`
    const lines = [...stay, ...block.map((line) => cutToColumns(line, columns))]
    stream.write(up + lines.map((line) => `${line}\n`).join(''))
    drawn = block.length
  }
}

export const createTerminal = (parts: TerminalParts): Terminal => {
  const { stdout, stderr, stdin, env, isQuiet, hasColour } = parts
  const isDumb = env['TERM'] === 'dumb' || Boolean(env['CI'])
  const isDrawing = stderr.isTTY === true && !isDumb && !isQuiet
  const paintOn = ({ isTTY }: Stream): Paint =>
    hasColour && isTTY === true && !isDumb && !env['NO_COLOR'] ? colourfully : plainly
  const draw = isDrawing ? createDraw(stderr) : () => undefined
  const warn = (line: string): void => {
    draw([], [])
    stderr.write(`${line}\n`)
  }
  return {
    print: (lines) => void stdout.write(lines.map((line) => `${line}\n`).join('')),
    say: (line) => (isQuiet ? undefined : warn(line)),
    warn,
    draw,
    isDrawing,
    isAsking: stdin.isTTY === true && stderr.isTTY === true,
    paint: { out: paintOn(stdout), err: paintOn(stderr) },
    rows: () => stderr.rows || 24,
  }
}
