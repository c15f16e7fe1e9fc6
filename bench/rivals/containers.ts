import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker, run } from '../../local/docker/docker.ts'
import { copyProgram } from '../../local/docker/images.ts'
import { toLayer } from '../../local/docker/layers.ts'
import { findProgram } from '../../local/docker/packages.ts'
import { pushImage } from '../../local/docker/registry-push.ts'
import { bare, type Release, type Server } from './server.ts'
import { serverAddress } from './site.ts'
import { waitFor } from './wait.ts'

export const network = 'rivals'
const script = join(import.meta.dirname, 'deploy.sh')

interface Kind {
  readonly name: string
  /** What the container runs; the first word is the program. */
  readonly command: readonly string[]
  /** Of `settings/`: copied for each run, because the switch changes them. */
  readonly settings: readonly string[]
  readonly readVersion: (program: string) => Promise<string>
}

const firstVersion = (text: string): string => /\d+\.\d+\.\d+\S*/.exec(text)?.[0] ?? 'unknown'

/** A Go program holds the version of its module; the one of a program that was built by `go build` may be told nowhere else. */
const readModuleVersion = (program: string): string =>
  /mod\t\S+\tv(\d\S+)/.exec(readFileSync(program, 'latin1'))?.[1] ?? 'unknown'

export const kinds: readonly Kind[] = [
  {
    name: 'nginx',
    command: ['nginx', '-c', '/settings/nginx.conf', '-g', 'daemon off;'],
    settings: ['nginx.conf'],
    // It says so on stderr.
    readVersion: async (program) => firstVersion(await run('sh', ['-c', `"$0" -v 2>&1`, program])),
  },
  {
    name: 'caddy',
    command: ['caddy', 'run', '--adapter', 'caddyfile', '--config', '/settings/Caddyfile.now'],
    settings: ['Caddyfile'],
    readVersion: async (program) => readModuleVersion(program),
  },
  {
    name: 'traefik',
    command: ['traefik', '--configFile=/settings/traefik.yml'],
    settings: ['traefik.yml', 'traefik-app.yml'],
    readVersion: async (program) => firstVersion(await run(program, ['version'])),
  },
  {
    // Its settings are those of `kamal-proxy deploy`: it keeps connections to the app, passes on WebSockets and logs each
    // request, which cannot be changed.
    name: 'kamal-proxy',
    command: ['kamal-proxy', 'run', '--http-port', '8080'],
    settings: [],
    readVersion: async (program) => readModuleVersion(program),
  },
]

/** An image of the program that is on the PATH here, with the libraries that it needs. */
const pushRival = async (registry: string, name: string, program: string): Promise<string> => {
  const root = mkdtempSync(join(tmpdir(), 'landfall-rival-'))
  try {
    for (const directory of ['tmp', 'var/log/nginx', 'var/lib/nginx', 'etc'])
      mkdirSync(join(root, directory), { recursive: true })
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:\n',
    )
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
    await copyProgram(root, program, `/bin/${name}`)
    const config = { Env: ['PATH=/bin', 'HOME=/tmp'] }
    const image = `${registry}/rivals/${name}`
    const digest = await pushImage({ name: image, tag: 'found', layers: [toLayer(root)], config })
    return `${image}@${digest}`
  } finally {
    rmSync(root, { recursive: true })
  }
}

const publish = (port: number): readonly string[] => ['--publish', `${serverAddress}:${port}:8080`]

/** The rival whose program is on the PATH; its container is started by the first release. */
export const createRival = async (
  kind: Kind,
  options: { readonly registry: string; readonly directory: string; readonly port: number },
): Promise<Server | null> => {
  const { name, command, readVersion } = kind
  const program = findProgram(name)
  if (program === null) return null
  const image = await pushRival(options.registry, name, program)
  const settings = join(options.directory, name)
  mkdirSync(join(settings, 'dynamic'), { recursive: true })
  for (const file of kind.settings)
    writeFileSync(join(settings, file), readFileSync(join(import.meta.dirname, 'settings', file)))
  const proxy = `rival-${name}`
  let releases = 0
  let app = '-'
  const start = (): Promise<string> => {
    const mount = ['--mount', `type=bind,src=${settings},dst=/settings`]
    const order = ['run', '--detach', '--name', proxy, '--network', network, ...mount]
    return docker([...order, ...publish(options.port), image, ...command])
  }
  const isTold = kind.settings.length === 0
  if (isTold) {
    await start()
    await waitFor(`an answer of ${name}`, () => docker(['exec', proxy, name, 'list']))
  }
  return {
    name,
    version: await readVersion(program),
    url: `http://${serverAddress}:${options.port}/`,
    proxy,
    app: () => app,
    deploy: async (release: Release, onOrder = () => undefined) => {
      const next = `${proxy}-app-${(releases += 1)}`
      const order = [name, `${release.image}@${release.digest}`, next, app, settings]
      onOrder()
      await run(script, order)
      // The settings name the app, so the proxy starts with the first one.
      if (app === '-' && !isTold) await start()
      app = next
    },
  }
}

/** The app alone, whose port is published as those of the proxies are. */
export const createBare = (port: number): Server => {
  let app: string | null = null
  return {
    name: bare,
    version: '',
    url: `http://${serverAddress}:${port}/`,
    proxy: null,
    app: () => app ?? '',
    deploy: async ({ image, digest }) => {
      if (app !== null) await docker(['rm', '--force', app])
      app = 'rival-bare-app'
      const publishing = ['--publish', `${serverAddress}:${port}:8000`, '--network', network]
      await docker([
        'run',
        '--detach',
        '--init',
        '--name',
        app,
        ...publishing,
        `${image}@${digest}`,
      ])
    },
  }
}
