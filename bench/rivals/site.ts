import { run } from '../../local/docker/docker.ts'
import { createLoneNamespace, removeNamespace } from '../../local/instances/network.ts'
import { openLane, type Lane } from '../../test/run/lane.ts'

/** The address of the servers, and that of the clients: of no other network here. */
export const serverAddress = '10.79.0.1'
const clientAddress = '10.79.0.2'

export interface Site {
  readonly lane: Lane
  /** The network namespace of the clients. */
  readonly clients: string
  stop(): Promise<void>
}

/**
 * A Docker Engine in a network of its own, and another network for the clients, which a veth joins: requests come as on
 * EC2, by an interface and by Docker's rules, and neither over loopback nor through Docker's userland proxy.
 */
export const openSite = async (): Promise<Site> => {
  const lane = await openLane(1)
  // Named as a lane, so that what removes those of killed runs finds it.
  const [servers, clients] = [1, 2].map((number) => `landfall-lane-${process.pid}-${number}`)
  if (servers === undefined || clients === undefined) throw new Error('no names')
  const stop = async (): Promise<void> => {
    await removeNamespace(clients)
    await lane.stop()
  }
  const ip = (namespace: string, ...args: readonly string[]) =>
    run('ip', ['-netns', namespace, ...args])
  try {
    await createLoneNamespace(clients)
    await ip(
      servers,
      'link',
      'add',
      'eth0',
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      clients,
    )
    for (const [namespace, address] of [
      [servers, serverAddress],
      [clients, clientAddress],
    ] as const) {
      await ip(namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0')
      await ip(namespace, 'link', 'set', 'eth0', 'up')
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { lane, clients, stop }
}
