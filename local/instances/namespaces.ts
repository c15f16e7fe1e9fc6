import type { Instance } from './instance.ts'
import { StartError } from '../aws/listen.ts'

export interface NamespaceOptions {
  readonly count: number
  readonly directory: string
  /** The registry on this machine's loopback that must be reached under the same name inside. */
  readonly registryPort: number | null
  /** Copied from this machine's engine into each. */
  readonly images: readonly string[]
  readonly say: (line: string) => void
}

export const startNamespaces = async (
  _options: NamespaceOptions,
): Promise<{ readonly instances: readonly Instance[]; stop(): Promise<void> }> => {
  throw new StartError('--instances is not there yet')
}
