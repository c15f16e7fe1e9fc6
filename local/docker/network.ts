import { createHash } from 'node:crypto'
import { docker } from './docker.ts'

const firstSubnet = 77
const lastSubnet = 126

const subnetOf = (name: string): Promise<string | null> =>
  docker(['network', 'inspect', '--format', '{{(index .IPAM.Config 0).Subnet}}', name]).then(
    (text) => text.trim(),
    () => null,
  )

/** As host/network.sh makes it; false where another network has a part of these addresses. */
const create = async (name: string, number: number): Promise<boolean> => {
  const base = `172.30.${number}`
  const addresses = ['--subnet', `${base}.0/24`, '--gateway', `${base}.1`]
  try {
    await docker(['network', 'create', ...addresses, '--ip-range', `${base}.128/25`, name])
    return true
  } catch (error) {
    if (/overlap/i.test(String(error))) return false
    throw error
  }
}

/**
 * A network of the stack's own on this machine's engine, named after its state directory: two stacks on
 * one engine share no address. Docker itself refuses a subnet that another network has.
 */
export const ensureNetwork = async (stateDirectory: string): Promise<string> => {
  const name = `landfall-${createHash('sha256').update(stateDirectory).digest('hex').slice(0, 8)}`
  if ((await subnetOf(name)) !== null) return name
  for (let number = firstSubnet; number <= lastSubnet; number += 1)
    if (await create(name, number)) return name
  throw new Error('no free subnet from 172.30.77.0/24 to 172.30.126.0/24 for the containers')
}
