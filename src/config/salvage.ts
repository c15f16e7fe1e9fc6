import { listKnownKeys } from './mistake.ts'
import type { Mistake, Path } from './mistake.ts'
import { LandfallFile } from './schema.ts'

const isRecord = (value: unknown): value is Record<PropertyKey, unknown> =>
  value !== null && typeof value === 'object'

const removeAt = (root: unknown, path: Path): void => {
  let parent = root
  for (const part of path.slice(0, -1)) parent = isRecord(parent) ? parent[part] : undefined
  const last = path.at(-1)
  // An element stays: without it those behind it would stand in other places than in the file.
  if (last !== undefined && isRecord(parent) && !Array.isArray(parent))
    Reflect.deleteProperty(parent, last)
}

const parseYaml = (value: unknown) => LandfallFile.safeParse(value, { error: listKnownKeys })

/**
 * What is left of a file without its mistakes, so that the rest can be checked in the same run: first
 * without the wrong values, then without the apps that are incomplete because of that.
 */
export const salvage = (value: unknown, mistakes: readonly Mistake[]): LandfallFile | null => {
  const rest = structuredClone(value)
  for (const { path } of mistakes) removeAt(rest, path)
  const pruned = parseYaml(rest)
  if (pruned.success) return pruned.data
  for (const { path } of pruned.error.issues) removeAt(rest, path.slice(0, 2))
  return parseYaml(rest).data ?? null
}

const isWithin = (inner: Path, outer: Path): boolean =>
  outer.every((part, index) => inner[index] === part)

/** Whether a finding is only the echo of a mistake: about a value that is wrong in itself. */
export const isEcho = (finding: Mistake, mistakes: readonly Mistake[]): boolean =>
  mistakes.some(
    ({ path }) => isWithin(finding.path, path) || (!finding.ofKey && isWithin(path, finding.path)),
  )
