import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tellTakenState } from '../base/holder.ts'
import { docker } from '../docker/docker.ts'
import { removeUnused, stateLabel } from '../docker/network.ts'
import { dynoLabel } from '../heroku/docker-dynos.ts'
import { app, byHand } from './stage.ts'

/** `mkdtemp` makes the demo's directory of it; the files that its proxy reads are below that. */
export const directoryPrefix = 'landfall-demo-'

const toLines = (text: string): readonly string[] => text.split('\n').filter(Boolean)

const list = async (...filters: readonly string[]): Promise<readonly string[]> => {
  const args = filters.flatMap((filter) => ['--filter', filter])
  return toLines(await docker(['ps', '--all', '--format', '{{.Names}}', ...args]))
}

/** None of a container that is removed at this moment. */
const inspect = async (container: string, format: string): Promise<readonly string[]> =>
  toLines(await docker(['inspect', '--format', format, container]).catch(() => ''))

const isProxyOfDemo = async (proxy: string, directory: string): Promise<boolean> => {
  const sources = await inspect(proxy, '{{range .Mounts}}{{println .Source}}{{end}}')
  return sources.some((source) => source.startsWith(join(directory, directoryPrefix)))
}

/** The networks of stacks that containers are in, with the state directories of these stacks. */
const findNetworks = async (
  containers: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const format = '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}'
  const names = (await Promise.all(containers.map((one) => inspect(one, format)))).flat()
  const states = new Map<string, string>()
  for (const name of new Set(names)) {
    const [state = ''] = await inspect(name, `{{index .Labels "${stateLabel}"}}`)
    if (state !== '') states.set(name, state)
  }
  return states
}

/**
 * Removes what a killed demo left on this engine: its containers have the names that the next demo needs.
 * It removes no container but the demo's own, and a network only if no other container refers to it.
 *
 * @throws Error where another demo runs
 */
export const removeLeftovers = async (
  say: (line: string) => void,
  directory = tmpdir(),
): Promise<void> => {
  const proxies = await list('label=landfall.proxy')
  const ofDemo = await Promise.all(proxies.map((proxy) => isProxyOfDemo(proxy, directory)))
  const dynos = await list(`label=${dynoLabel}=${app}`)
  const names = [
    ...(await list(`name=^/${byHand}$`)),
    ...(await list(`label=landfall.app=${app}`)),
    ...dynos,
    ...proxies.filter((_, index) => ofDemo[index] === true),
  ]
  if (names.length === 0) return
  const networks = await findNetworks(names)
  const states = dynos.map((dyno) => inspect(dyno, `{{index .Config.Labels "${stateLabel}"}}`))
  for (const state of [...networks.values(), ...(await Promise.all(states)).flat()]) {
    const running = tellTakenState(state)
    if (running !== null) throw new Error(`another demo uses ${names.join(', ')}. ${running}`)
  }
  say(`removing what an earlier demo left: ${names.join(', ')}`)
  await docker(['rm', '--force', ...names])
  for (const network of networks.keys()) await removeUnused(network).catch(() => undefined)
}
