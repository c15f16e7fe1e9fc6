import { createHash } from 'node:crypto'
import { tellTakenState } from '../base/holder.ts'
import { docker } from './docker.ts'

const firstSubnet = 77
const lastSubnet = 126
/** Names the state directory of the stack that made a network. */
const label = 'landfall.state'

const isThere = (name: string): Promise<boolean> =>
  docker(['network', 'inspect', name]).then(
    () => true,
    () => false,
  )

/** As host/network.sh makes it; false where another network has a part of these addresses. */
const create = async (name: string, number: number, state: string): Promise<boolean> => {
  const base = `172.30.${number}`
  const options = [
    '--subnet',
    `${base}.0/24`,
    '--gateway',
    `${base}.1`,
    '--label',
    `${label}=${state}`,
  ]
  try {
    await docker(['network', 'create', ...options, '--ip-range', `${base}.128/25`, name])
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

/** A stack that starts makes its network before it can be found by its state. */
const startSeconds = 120

/** A stack that was killed leaves its network, and with it a subnet that others may need. */
const removeLeft = async (now: number): Promise<void> => {
  const listed = await docker(['network', 'ls', '--quiet', '--filter', `label=${label}`])
  const format = `{{.Name}} {{.Created.Unix}} {{index .Labels "${label}"}}`
  for (const id of listed.split('\n').filter(Boolean)) {
    // Another stack may remove it at the same moment.
    const row = await docker(['network', 'inspect', '--format', format, id]).catch(() => '')
    const [name = '', created, ...state] = row.trim().split(' ')
    const isOld = Number(created) < now / 1000 - startSeconds
    if (isOld && tellTakenState(state.join(' ')) === null)
      await removeUnused(name).catch(() => undefined)
  }
}

export interface StackNetwork {
  readonly name: string
  stop(): Promise<void>
}

/**
 * A network of the stack's own on this machine's engine, named after its state directory: two stacks on
 * one engine share no address. Docker itself refuses a subnet that another network has.
 */
export const ensureNetwork = async (
  stateDirectory: string,
  now = Date.now(),
): Promise<StackNetwork> => {
  const name = `landfall-${createHash('sha256').update(stateDirectory).digest('hex').slice(0, 8)}`
  const network = { name, stop: () => removeUnused(name) }
  if (await isThere(name)) return network
  await removeLeft(now)
  for (let number = firstSubnet; number <= lastSubnet; number += 1)
    if (await create(name, number, stateDirectory)) return network
  throw new Error('no free subnet from 172.30.77.0/24 to 172.30.126.0/24 for the containers')
}
