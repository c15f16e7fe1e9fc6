import { docker } from '../docker/docker.ts'

const namesOf = async (filter: string): Promise<readonly string[]> =>
  (await docker(['ps', '-a', '--filter', filter, '--format', '{{.Names}}']))
    .split('\n')
    .filter(Boolean)

/** A host script's own removal may still be under way. */
const remove = async (names: readonly string[]): Promise<void> => {
  if (names.length === 0) return
  await docker(['rm', '-f', ...names]).catch((error: unknown) => {
    if (!/already in progress|no such container/i.test(String(error))) throw error
  })
}

/** By name, not by id: an image of the same content may be somebody else's too. */
const removeImages = async (registry: string, apps: readonly string[]): Promise<void> => {
  const format = '{{.Repository}} {{.Tag}} {{.Digest}}'
  const rows = (await docker(['images', '--digests', '--format', format])).split('\n')
  const names = rows.flatMap((row) => {
    const [name = '', tag = '', digest = ''] = row.split(' ')
    if (apps.some((app) => name === `landfall/${app}`)) return [`${name}:${tag}`]
    if (!name.startsWith(`${registry}/`)) return []
    return digest === '<none>' ? [`${name}:${tag}`] : [`${name}@${digest}`]
  })
  if (names.length > 0) await docker(['rmi', '--force', ...names]).catch(() => undefined)
}

/**
 * Removes from this machine's engine what deployments of these apps left there: their containers, the
 * proxies of these ports, the network once nobody uses it, and the images of their registry.
 */
export const cleanUp = async (
  apps: readonly string[],
  ports: readonly number[],
  registry: string | null = null,
  network = 'landfall',
): Promise<void> => {
  const own = await Promise.all(apps.map((app) => namesOf(`label=landfall.app=${app}`)))
  const proxies = (await namesOf('label=landfall.proxy')).filter((name) =>
    ports.some((port) => name.endsWith(`-${port}`)),
  )
  const names = [...own.flat(), ...proxies]
  await remove(names)
  // Refused by docker while any other container is in it.
  await docker(['network', 'rm', network]).catch(() => undefined)
  if (registry !== null) await removeImages(registry, apps)
}
