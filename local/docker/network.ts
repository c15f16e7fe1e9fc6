import { createHash } from 'node:crypto'
import { docker } from './docker.ts'

const firstSubnet = 77
const lastSubnet = 126

const isThere = (name: string): Promise<boolean> =>
  docker(['network', 'inspect', name]).then(
    () => true,
    () => false,
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

/** As long as a container refers to it, even a stopped one, it stays: that one could not start again. */
const removeUnused = async (name: string): Promise<void> => {
  const users = await docker(['ps', '--all', '--quiet', '--filter', `network=${name}`])
  if (users.trim() === '') await docker(['network', 'rm', name])
}

export interface StackNetwork {
  readonly name: string
  stop(): Promise<void>
}

/**
 * A network of the stack's own on this machine's engine, named after its state directory: two stacks on
 * one engine share no address. Docker itself refuses a subnet that another network has.
 */
export const ensureNetwork = async (stateDirectory: string): Promise<StackNetwork> => {
  const name = `landfall-${createHash('sha256').update(stateDirectory).digest('hex').slice(0, 8)}`
  const network = { name, stop: () => removeUnused(name) }
  if (await isThere(name)) return network
  for (let number = firstSubnet; number <= lastSubnet; number += 1)
    if (await create(name, number)) return network
  throw new Error('no free subnet from 172.30.77.0/24 to 172.30.126.0/24 for the containers')
}
