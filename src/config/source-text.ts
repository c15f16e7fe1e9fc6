import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Document, Node } from 'yaml'
import type { Mistake, Path } from './mistake.ts'
import { renderPath } from './mistake.ts'

interface Place {
  readonly offset: number
  readonly node: Node | null
  /** How much of the path is there. */
  readonly depth: number
}

const offsetOf = (node: unknown): number | null =>
  (isScalar(node) || isMap(node) || isSeq(node)) && node.range ? node.range[0] : null

const step = (node: unknown, part: PropertyKey): { key: unknown; value: unknown } | null => {
  if (isSeq(node) && typeof part === 'number') {
    const value: unknown = node.items[part]
    return value === undefined ? null : { key: value, value }
  }
  if (!isMap(node)) return null
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
  return pair ? { key: pair.key, value: pair.value } : null
}

const isNode = (value: unknown): value is Node => isScalar(value) || isMap(value) || isSeq(value)

/** Where a path is in the text; of a part that is missing, where the last one present is. */
const locate = (document: Document, path: Path, ofKey: boolean): Place => {
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

export interface SourceText {
  readonly value: unknown
  /** Mistakes of the YAML itself, rendered. */
  readonly problems: readonly string[]
  /** `landfall.yml:12:7 apps.x.port: must be …, got "80a"` */
  readonly render: (mistake: Mistake) => string
}

/** A YAML text that can say where in it each value stands. */
export const parseSourceText = (text: string, fileName: string): SourceText => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${fileName}:${line}:${col}`
  }
  const toValue = (): { value: unknown; problem: string | null } => {
    try {
      const value: unknown = document.toJS()
      return { value, problem: null }
    } catch (error) {
      return {
        value: null,
        problem: `${fileName}:1:1 ${error instanceof Error ? error.message : ''}`,
      }
    }
  }
  const { value, problem } = toValue()
  const described = [...document.errors, ...document.warnings].map(({ code, pos, message }) => {
    const key = /^[^:\n]*/.exec(text.slice(pos[0]))?.[0] ?? ''
    return `${at(pos[0])} ${code === 'DUPLICATE_KEY' ? `the key "${key}" stands here twice` : message}`
  })
  return {
    value,
    problems: problem === null ? described : [...described, problem],
    render: ({ path, message, ofKey = false, silent = false }) => {
      const { offset, node, depth } = locate(document, path, ofKey)
      const isThere = depth === path.length
      const isExpectation = message.startsWith('must be')
      const missing = !isThere && isExpectation ? `is missing; it ${message}` : message
      const got = isThere && isExpectation && !silent ? `, got ${renderWritten(node, text)}` : ''
      const subject = path.length === 0 ? 'the file' : renderPath(path)
      return `${at(offset)} ${subject}: ${missing}${got}`
    },
  }
}
