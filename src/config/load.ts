import type { Configuration } from '../deployment/app.ts'
import { readConfigurationFile } from './file.ts'

let remembered: Configuration | null = null

/**
 * The configuration that a function runs with. In a bundle this module is replaced by one that
 * holds the checked configuration as data (`packaging/esbuild.ts`), so that no Lambda parses YAML.
 */
export const loadConfiguration = (): Configuration => {
  remembered ??= readConfigurationFile().configuration
  return remembered
}
