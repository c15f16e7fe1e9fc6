import * as z from 'zod'
import { parseJsonAsWritten } from '../src/kernel/json.ts'
import { usageError } from './exit.ts'

// Values of secrets: no error here names one.

export type Values = ReadonlyMap<string, string>

const JsonValues = z.record(z.string(), z.union([z.string(), z.boolean().transform(String)]))

/** A JSON object of texts; a number is the text that is written there. Null where it is none. */
export const parseValues = (text: string): Values | null => {
  const parsed = JsonValues.safeParse(parseJsonAsWritten(text))
  return parsed.success ? new Map(Object.entries(parsed.data)) : null
}

const keyPattern = /^[A-Za-z_][A-Za-z0-9_]*$/

export const isKey = (text: string): boolean => keyPattern.test(text)

/** One pair of quotes around a value is left out, as an env file has them. */
const unquote = (value: string): string => /^(["'])(.*)\1$/s.exec(value)?.[2] ?? value

const parseLine = (line: string, number: number): readonly [string, string] => {
  const at = line.indexOf('=')
  const key = line
    .slice(0, at)
    .replace(/^export\s+/, '')
    .trim()
  if (at < 1 || !isKey(key)) throw usageError(`line ${number} is not KEY=VALUE`)
  return [key, unquote(line.slice(at + 1).trim())]
}

/**
 * JSON, or lines of KEY=VALUE; empty lines and comments pass.
 *
 * @throws CommandError (usage) naming the line
 */
export const parseSecretFile = (text: string): Values => {
  if (text.trimStart().startsWith('{')) {
    const values = parseValues(text)
    if (values === null) throw usageError('this is no JSON object of texts')
    return values
  }
  const lines = text.split(/\r?\n/).map((line, index) => [line.trim(), index + 1] as const)
  return new Map(
    lines
      .filter(([line]) => line !== '' && !line.startsWith('#'))
      .map(([line, number]) => parseLine(line, number)),
  )
}

/** @throws CommandError (usage): a blank secret fails much later, in the app */
export const refuseBlanks = (values: Values): void => {
  const blank = [...values].filter(([, value]) => value.trim() === '').map(([key]) => key)
  if (blank.length > 0) throw usageError(`blank: ${blank.join(', ')}`)
  if (values.size === 0) throw usageError('no key is named')
}
