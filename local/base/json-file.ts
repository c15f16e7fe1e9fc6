import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type * as z from 'zod'

/** How a file's text is kept on disk, so that secrets can be stored sealed. */
export interface Encoding {
  readonly encode: (text: string) => string
  readonly decode: (text: string) => string
}

const plain: Encoding = { encode: (text) => text, decode: (text) => text }

export interface JsonFile<Value> {
  read(): Value | null
  write(value: Value): void
}

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** A JSON file that is replaced whole, by rename, so that a killed stack leaves the old or the new one. */
export const openJsonFile = <Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  encoding: Encoding = plain,
): JsonFile<z.output<Schema>> => {
  mkdirSync(dirname(path), { recursive: true })
  return {
    read: () => {
      const text = readText(path)
      return text === null ? null : schema.parse(JSON.parse(encoding.decode(text)))
    },
    write: (value) => {
      const temporary = `${path}.tmp`
      writeFileSync(temporary, encoding.encode(JSON.stringify(value)), { mode: 0o600 })
      renameSync(temporary, path)
    },
  }
}
