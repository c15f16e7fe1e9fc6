import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Document, Node, YAMLError } from 'yaml'
import { renderPath, type Mistake, type Path } from './mistake.ts'

const isNode = (value: unknown): value is Node => isScalar(value) || isMap(value) || isSeq(value)

const offsetOf = (node: unknown): number | null => (isNode(node) ? (node.range?.[0] ?? null) : null)

const step = (node: unknown, part: PropertyKey): { key: unknown; value: unknown } | null => {
  if (isSeq(node) && typeof part === 'number') {
    const value: unknown = node.items[part]
    return value === undefined ? null : { key: value, value }
  }
  if (!isMap(node)) return null
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
  return pair ? { key: pair.key, value: pair.value } : null
}

/** Finds a path in the text: the offset and node of the last part that is there, and how many are. */
const locate = (document: Document, path: Path, ofKey: boolean) => {
  let node: unknown = document.contents
  let offset = offsetOf(node) ?? 0
  let depth = 0
  for (const part of path) {
    const next = step(node, part)
    if (next === null) break
    depth += 1
    node = next.value
    const isMeant = depth === path.length && !ofKey
    offset = (isMeant ? offsetOf(next.value) : null) ?? offsetOf(next.key) ?? offset
  }
  return { offset, node: isNode(node) ? node : null, depth }
}

const renderWritten = (node: Node | null, text: string): string => {
  if (isMap(node)) return 'a mapping'
  if (isSeq(node)) return 'a list'
  if (!isScalar(node) || node.value === null || !node.range) return 'nothing'
  return typeof node.value === 'string'
    ? JSON.stringify(node.value)
    : text.slice(node.range[0], node.range[1])
}

/** A mistake in words, with its offset for the reading order. */
export interface LocatedMistake {
  readonly offset: number
  readonly text: string
  /** The text could not be parsed, so its values mean nothing. */
  readonly isSyntax: boolean
}

const describeValue = (
  mistake: Mistake,
  place: ReturnType<typeof locate>,
  text: string,
): string => {
  const { path, message, silent = false } = mistake
  if (!message.startsWith('must be')) return message
  if (place.depth < path.length) return `is missing; it ${message}`
  return silent ? message : `${message}, got ${renderWritten(place.node, text)}`
}

const describeYaml = ({ code, message, pos }: YAMLError, text: string): string => {
  const key = /^[^:\n]*/.exec(text.slice(pos[0]))?.[0] ?? ''
  return code === 'DUPLICATE_KEY' ? `the key "${key}" is repeated` : message
}

/** Refuses aliases that would expand to millions of values. */
const toValue = (document: Document): { value: unknown; problem: string | null } => {
  try {
    const value: unknown = document.toJS()
    return { value, problem: null }
  } catch (error) {
    return { value: null, problem: error instanceof Error ? error.message : 'cannot be read' }
  }
}

/**
 * Parses a YAML text and keeps the position of each value. `problems` are mistakes in the YAML itself;
 * `describe` renders a mistake as `landfall.yml:12:7 apps.x.port: must be …, got "80a"`.
 */
export const parseSourceText = (text: string, fileName: string) => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const toFinding = (offset: number, message: string, isSyntax: boolean): LocatedMistake => {
    const { line, col } = lines.linePos(offset)
    return { offset, text: `${fileName}:${line}:${col} ${message}`, isSyntax }
  }
  const { value, problem } = toValue(document)
  const problems = [...document.errors, ...document.warnings].map((error) =>
    toFinding(error.pos[0], describeYaml(error, text), error.code !== 'DUPLICATE_KEY'),
  )
  return {
    value,
    problems: problem === null ? problems : [...problems, toFinding(0, problem, true)],
    describe: (mistake: Mistake): LocatedMistake => {
      const place = locate(document, mistake.path, mistake.ofKey ?? false)
      const subject = mistake.path.length === 0 ? 'the file' : renderPath(mistake.path)
      return toFinding(place.offset, `${subject}: ${describeValue(mistake, place, text)}`, false)
    },
  }
}
