import { docker, run } from '../docker/docker.ts'

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

/** Removes images by name, not by id: another project may have one of the same content. */
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

const iptables = (...args: readonly string[]): Promise<string> =>
  run('iptables', ['--wait', '10', ...args])

/** Removes the network once no container is in it, and the rules that the host scripts made for its addresses. */
const removeNetwork = async (network: string): Promise<void> => {
  const format = '{{(index .IPAM.Config 0).Subnet}}'
  const subnet = await docker(['network', 'inspect', '--format', format, network]).catch(() => '')
  // Refused by docker while any other container is in it.
  const isGone = await docker(['network', 'rm', network]).catch(() => null)
  if (isGone === null) return
  const beginning = `-A DOCKER-USER -s ${subnet.trim().replace(/0\/24$/, '')}`
  // Not every machine has the program, the chain or the right.
  const rules = (await iptables('--list-rules', 'DOCKER-USER').catch(() => '')).split('\n')
  for (const rule of rules)
    if (rule.startsWith(beginning) && rule.includes(' -d 169.254.169.254/32 -j REJECT'))
      await iptables('-D', ...rule.split(' ').slice(1))
}

/**
 * Removes from this machine's engine what deployments of these apps left there: their containers, the
 * proxies of these ports, the network once no container is in it, and the images of their registry.
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
  await removeNetwork(network)
  if (registry !== null) await removeImages(registry, apps)
}
