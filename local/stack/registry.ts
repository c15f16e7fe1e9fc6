import { join } from 'node:path'
import { forPerson } from '../base/listen.ts'
import { startRegistry, type Registry } from '../docker/registry.ts'
import type { StackOptions } from './options.ts'
import { refuseTakenPorts } from './refuse-taken.ts'

const answers = (port: number): Promise<boolean> =>
  fetch(`http://localhost:${port}/v2/`).then(
    ({ headers }) => headers.get('docker-distribution-api-version') !== null,
    () => false,
  )

/** The registry that the images are pushed to: one that answers already, or ours. */
export const ensureRegistry = async (
  { registryPort: port, say }: Pick<StackOptions, 'registryPort' | 'say'>,
  state: string,
): Promise<Registry | null> => {
  if (port === null) return null
  if (port !== 0 && (await answers(port))) {
    say(`using the registry at localhost:${port}`)
    return { address: `localhost:${port}`, stop: async () => undefined }
  }
  await refuseTakenPorts([port])
  return forPerson(startRegistry({ port, directory: join(state, 'registry') }))
}
