import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { configurationFile } from './environment.ts'
import { parseConfiguration, type ReadConfiguration } from './read.ts'

/** `landfall.yml` is missing or wrong; the message is for its author. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError'

  constructor(message: string) {
    super(message)
    // The packager prints the stack, which does not help the author.
    this.stack = message
  }
}

/**
 * Reads `landfall.yml`, or the file that `LANDFALL_CONFIG` names.
 *
 * @throws ConfigurationError naming every mistake
 */
export const readConfigurationFile = (file: string = configurationFile()): ReadConfiguration => {
  if (!existsSync(resolve(file)))
    throw new ConfigurationError(
      `${file} does not exist. Start from the example: cp landfall.example.yml ${file}` +
        ' (or name another file by LANDFALL_CONFIG)',
    )
  const read = parseConfiguration(readFileSync(resolve(file), 'utf8'), file)
  if (read.ok) return read.value
  const count = read.error.length === 1 ? 'a mistake' : `${read.error.length} mistakes`
  throw new ConfigurationError([`${file} has ${count}:`, ...read.error].join('\n  '))
}
