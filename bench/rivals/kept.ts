import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { PartResult } from './result.ts'

const file = join(import.meta.dirname, '../../.landfall/rivals.json')

/** What an unfinished run has measured, of the versions named. */
const Kept = z.object({
  versions: z.string(),
  parts: z.record(z.string(), z.object({ at: z.string(), result: PartResult })),
})
export type Kept = z.infer<typeof Kept>

/** Nothing where there is none, or where it was measured with others. */
export const readKept = (versions: string): Kept => {
  try {
    const kept = Kept.parse(JSON.parse(readFileSync(file, 'utf8')))
    if (kept.versions === versions) return kept
  } catch {
    // No run was interrupted.
  }
  return { versions, parts: {} }
}

export const writeKept = (kept: Kept): void => {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(kept))
}

export const removeKept = (): void => rmSync(file, { force: true })
