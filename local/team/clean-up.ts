import { docker } from '../docker/docker.ts'

const namesOf = async (filter: string): Promise<readonly string[]> =>
  (await docker(['ps', '-a', '--filter', filter, '--format', '{{.Names}}']))
    .split('\n')
    .filter(Boolean)

/**
 * Removes from this machine's engine what deployments of these apps left there: their containers, the
 * proxies of these ports, and the network once nobody uses it. Images stay, they are small.
 */
export const cleanUp = async (apps: readonly string[], ports: readonly number[]): Promise<void> => {
  const own = await Promise.all(apps.map((app) => namesOf(`label=landfall.app=${app}`)))
  const proxies = (await namesOf('label=landfall.proxy')).filter((name) =>
    ports.some((port) => name.endsWith(`-${port}`)),
  )
  const names = [...own.flat(), ...proxies]
  if (names.length > 0) await docker(['rm', '-f', ...names])
  // Refused by docker while any other container is in it.
  await docker(['network', 'rm', 'landfall']).catch(() => undefined)
}
