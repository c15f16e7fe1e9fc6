import { run } from '../docker/docker.ts'

const bridge = 'landfall0'
const gateway = '10.77.0.1'

export const toNamespace = (number: number): string => `landfall-${number}`
export const toAddress = (number: number): string => `10.77.0.1${number}`

/** Enters the network alone: `ip netns exec` would remount /sys and hide the cgroups from Docker. */
export const toEnter = (namespace: string): readonly string[] => [
  'nsenter',
  `--net=/run/netns/${namespace}`,
]

const ip = (...args: readonly string[]): Promise<string> => run('ip', args)

export const createBridge = async (): Promise<void> => {
  await ip('link', 'add', bridge, 'type', 'bridge')
  await ip('address', 'add', `${gateway}/24`, 'dev', bridge)
  await ip('link', 'set', bridge, 'up')
}

/** A namespace with one address on the bridge; this machine is its gateway. */
export const createNamespace = async (number: number): Promise<void> => {
  const name = toNamespace(number)
  const inside = ['-netns', name]
  await ip('netns', 'add', name)
  await ip('link', 'add', `${name}-0`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
  await ip('link', 'set', `${name}-0`, 'master', bridge, 'up')
  await ip(...inside, 'address', 'add', `${toAddress(number)}/24`, 'dev', 'eth0')
  await ip(...inside, 'link', 'set', 'lo', 'up')
  await ip(...inside, 'link', 'set', 'eth0', 'up')
  await ip(...inside, 'route', 'add', 'default', 'via', gateway)
}

/** A namespace that reaches nothing but itself. */
export const createLoneNamespace = async (name: string): Promise<void> => {
  await ip('netns', 'add', name)
  await ip('-netns', name, 'link', 'set', 'lo', 'up')
}

const ignore = (): null => null

/** What a script left running would keep the namespace alive. */
const killAll = async (name: string): Promise<void> => {
  const pids = (await ip('netns', 'pids', name).catch(() => '')).match(/\d+/g) ?? []
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** The namespaces whose names match, in no order. */
export const listNamespaces = async (pattern: RegExp): Promise<readonly string[]> => {
  const names = (await ip('netns', 'list')).split('\n').map((line) => line.split(' ')[0] ?? '')
  return names.filter((name) => pattern.test(name))
}

/** Ends what runs in it; its interfaces end with it. One that is not there is removed. */
export const removeNamespace = async (name: string): Promise<void> => {
  await killAll(name)
  await ip('netns', 'delete', name).catch(ignore)
}

/** Also what a killed stack left behind. */
export const removeNetwork = async (): Promise<void> => {
  for (const name of await listNamespaces(/^landfall-\d+$/)) await removeNamespace(name)
  await ip('link', 'delete', bridge).catch(ignore)
}
