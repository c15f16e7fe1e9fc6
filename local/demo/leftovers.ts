import { docker } from '../docker/docker.ts'
import { app, byHand } from './stage.ts'

/** What `mkdtemp` makes of the demo's directory: what a proxy of it reads lies below. */
export const directoryPrefix = 'landfall-demo-'

interface Container {
  readonly name: string
  readonly networks: readonly string[]
}

const toLines = (text: string): readonly string[] => text.split('\n').filter(Boolean)

const list = async (...filters: readonly string[]): Promise<readonly string[]> => {
  const args = filters.flatMap((filter) => ['--filter', filter])
  return toLines(await docker(['ps', '--all', '--format', '{{.Names}}', ...args]))
}

const isProxyOfDemo = async (proxy: string): Promise<boolean> => {
  const format = '{{range .Mounts}}{{println .Source}}{{end}}'
  const sources = await docker(['inspect', '--format', format, proxy])
  return toLines(sources).some((source) => source.includes(`/${directoryPrefix}`))
}

const networksOf = async (container: string): Promise<readonly string[]> => {
  const format = '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}'
  return toLines(await docker(['inspect', '--format', format, container]))
}

const listLeftovers = async (): Promise<readonly Container[]> => {
  const proxies = await list('label=landfall.proxy')
  const ofDemo = await Promise.all(proxies.map(isProxyOfDemo))
  const names = [
    ...(await list(`name=^/${byHand}$`)),
    ...(await list(`label=landfall.app=${app}`)),
    ...proxies.filter((_, index) => ofDemo[index] === true),
  ]
  return Promise.all(names.map(async (name) => ({ name, networks: await networksOf(name) })))
}

/**
 * Removes what a demo that was killed left on this engine: it has the names that the next one needs.
 * Nothing but the demo's own containers, and their networks where nobody else is in them.
 */
export const removeLeftovers = async (say: (line: string) => void): Promise<void> => {
  const leftovers = await listLeftovers()
  if (leftovers.length === 0) return
  const names = leftovers.map(({ name }) => name)
  say(`removing what an earlier demo left: ${names.join(', ')}`)
  await docker(['rm', '--force', ...names])
  const networks = new Set(leftovers.flatMap((leftover) => leftover.networks))
  for (const network of networks)
    if (network.startsWith('landfall-'))
      await docker(['network', 'rm', network]).catch(() => undefined)
}
