import { parse } from 'yaml'
import * as z from 'zod'
import { safe } from './text.ts'

export const Mapping = z.record(z.string(), z.unknown())
export type Mapping = z.output<typeof Mapping>

/** A mapping, or what is wrong with the file. */
export const parseYaml = (text: string): { mapping: Mapping } | { mistake: string } => {
  try {
    const parsed = Mapping.safeParse(parse(text))
    return parsed.success ? { mapping: parsed.data } : { mistake: 'this is no mapping' }
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : '').split('\n')
    return { mistake: safe(line, 200) }
  }
}

/** An empty one where it is none. */
export const mappingAt = (mapping: Mapping, key: string): Mapping =>
  Mapping.safeParse(mapping[key]).data ?? {}
