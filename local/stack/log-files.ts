import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { WriteLog } from '../aws/index.ts'

const Line = z.looseObject({ level: z.string(), message: z.string().optional() })

const isError = (line: string): boolean => {
  if (!line.startsWith('{')) return false
  try {
    return Line.safeParse(JSON.parse(line)).data?.level === 'error'
  } catch {
    return false
  }
}

/** `logs/<function>.log`, as CloudWatch Logs would keep them; errors are also said. */
export const openLogFiles = (
  directory: string,
  say: (line: string) => void,
): { readonly write: WriteLog; stop(): void } => {
  mkdirSync(directory, { recursive: true })
  const files = new Map<string, WriteStream>()
  const toFile = (name: string): WriteStream => {
    const existing = files.get(name)
    if (existing) return existing
    const file = createWriteStream(join(directory, `${name}.log`), { flags: 'a', mode: 0o600 })
    files.set(name, file)
    return file
  }
  return {
    write: (name, line) => {
      toFile(name).write(`${line}\n`)
      if (isError(line)) say(`${name}: ${line}`)
    },
    stop: () => {
      for (const file of files.values()) file.end()
    },
  }
}
