import { posix } from 'node:path'
import { shareInstances } from './check-addresses.ts'
import { mistaken, renderPath, warned, type Mistake, type Path } from './mistake.ts'
import type { AppFile, Ec2File, LandfallFile } from './schema.ts'

/** In each of these is a way to the instance's root: by a socket, a device, a key, or the other apps' files. */
const hostTrees = [
  '/boot /dev /proc /root /sys /var/spool/cron',
  '/run/containerd /run/dbus /run/docker /run/docker.sock /run/systemd',
  '/var/lib/amazon /var/lib/cloud /var/lib/containerd /var/lib/docker /var/lib/landfall /var/lib/snapd',
].flatMap((paths) => paths.split(' '))

/** Parts of these, such as `/etc/ssl/certs`, are harmless where they are read only. */
const hostPrograms = ['/bin', '/etc', '/lib', '/lib64', '/sbin', '/usr']

/** Each gives a process in a container the rights of root outside it. */
const hostCapabilities = new Set(
  'ALL BPF DAC_READ_SEARCH MAC_ADMIN MAC_OVERRIDE PERFMON SYS_ADMIN SYS_BOOT SYS_MODULE SYS_RAWIO'.split(
    ' ',
  ),
)

const isWithin = (path: string, tree: string): boolean =>
  path === tree || path.startsWith(tree === '/' ? tree : `${tree}/`)

const isOfHost = (volume: string): boolean => {
  const [source = '', , options = ''] = volume.split(':')
  if (!source.startsWith('/')) return false
  const path = posix
    .normalize(source)
    .replace(/(?<=.)\/$/, '')
    .replace(/^\/var\/run(?=\/|$)/, '/run')
  const isReadOnly = options.split(',').includes('ro')
  return (
    hostTrees.some((tree) => isWithin(path, tree) || isWithin(tree, path)) ||
    hostPrograms.some((tree) => path === tree || (isWithin(path, tree) && !isReadOnly))
  )
}

/** A symbolic link on the instance may lead to the same files: this finds oversights, not intentions. */
export const checkHostAccess = (path: Path, { run }: Ec2File): readonly Mistake[] => {
  if (run.allowHostAccess) return []
  const refuse = (key: 'volumes' | 'capAdd', isRefused: (value: string) => boolean) =>
    run[key].flatMap((value, index) =>
      isRefused(value)
        ? mistaken(
            [...path, 'run', key, index],
            `${value} makes the container root on the instance, where it can read the secrets of every app; if that is intended, add allowHostAccess: true to run`,
          )
        : [],
    )
  return [...refuse('volumes', isOfHost), ...refuse('capAdd', (name) => hostCapabilities.has(name))]
}

interface Mount {
  readonly path: Path
  readonly app: AppFile
  readonly ec2: Ec2File
  readonly source: string
}

/** A web app and its workers are one app in several processes, and share files on purpose. */
const isSameApp = (left: AppFile, right: AppFile): boolean =>
  left.image === right.image &&
  left.branch === right.branch &&
  left.tag === right.tag &&
  left.environment === right.environment

/** Two apps on one instance that name a volume alike have the same files, such as those of staging and production. */
export const findSharedVolumes = (file: LandfallFile): readonly Mistake[] => {
  const mounts = Object.entries(file.apps).flatMap(([name, app]) =>
    app.targets.flatMap(({ ec2 }, target) =>
      (ec2?.run.volumes ?? []).flatMap((volume, index): Mount[] => {
        const path = ['apps', name, 'targets', target, 'ec2', 'run', 'volumes', index]
        return ec2 ? [{ path, app, ec2, source: volume.split(':')[0] ?? '' }] : []
      }),
    ),
  )
  return mounts.flatMap((later, index) => {
    const earlier = mounts
      .slice(0, index)
      .find(
        ({ app, ec2, source }) =>
          source === later.source &&
          !isSameApp(app, later.app) &&
          shareInstances(ec2.instances, later.ec2.instances),
      )
    return earlier === undefined
      ? []
      : warned(
          later.path,
          `${later.source} is also a volume of ${renderPath(earlier.path)} on the same instances: both apps read and write the same files`,
        )
  })
}
