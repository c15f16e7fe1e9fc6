import { lazy } from '../kernel/lazy.ts'
import { readConfigurationFile } from './file.ts'

/**
 * The configuration of a function. In a bundle this module is replaced by one that contains the checked
 * configuration as data (`packaging/esbuild.ts`), so that no Lambda parses YAML.
 */
export const loadConfiguration = lazy(() => readConfigurationFile().configuration)
