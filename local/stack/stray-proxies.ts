import type { Configuration, PublishedAddress } from '../../src/deployment/app.ts'
import { tellTakenState } from '../base/holder.ts'
import { StartError } from '../base/listen.ts'
import { docker } from '../docker/docker.ts'

/** As host/proxy.sh names them, one for each published address. */
const toProxyName = ({ address, port }: PublishedAddress): string =>
  `landfall-proxy-${address === null ? '' : `${address}-`}${port}`

const listProxies = ({ apps }: Configuration): readonly string[] => [
  ...new Set(
    apps
      .flatMap(({ targets }) => targets)
      .flatMap((target) =>
        target.kind === 'ec2' && target.publish !== null ? [toProxyName(target.publish)] : [],
      ),
  ),
]

/** Where a local stack's machine keeps what its proxies read, below its state directory. */
const ofLocalStack = /^(?<state>.+)\/instances\/i-[0-9a-f]+\/instance\/proxies\/[^/]+$/

/** What the proxy reads and the networks it is in; null where there is none. */
const inspect = async (
  proxy: string,
): Promise<{ readonly source: string; readonly networks: readonly string[] } | null> => {
  const format =
    '{{range .Mounts}}{{.Source}}{{end}}|{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}'
  const [source = '', networks = ''] = await docker(['inspect', '--format', format, proxy])
    .then((text) => text.trim().split('|'))
    .catch(() => [])
  return source === '' ? null : { source, networks: networks.split(' ') }
}

/**
 * Removes the proxies on this stack's ports that a stack with another state directory left on this
 * engine: they read files that no stack writes any more, and every switch through them would fail.
 *
 * @throws StartError where that stack runs
 */
export const removeStrayProxies = async (
  configuration: Configuration,
  { state, network }: { readonly state: string; readonly network: string },
  say: (line: string) => void,
): Promise<void> => {
  for (const proxy of listProxies(configuration)) {
    const found = await inspect(proxy)
    const owner = ofLocalStack.exec(found?.source ?? '')?.groups?.['state']
    if (found === null || owner === undefined) continue
    if (owner === state && found.networks.includes(network)) continue
    const running = owner === state ? null : tellTakenState(owner)
    if (running !== null) throw new StartError(`${proxy} is another stack's. ${running}`)
    say(`removing ${proxy}, which a stack with its state in ${owner} left behind`)
    await docker(['rm', '--force', proxy])
  }
}
