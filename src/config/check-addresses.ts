import type { Findings } from './findings.ts'
import { gather, mistaken } from './findings.ts'
import type { Path } from './mistake.ts'
import type { Ec2File, LandfallFile } from './schema.ts'
import { renderPath } from './mistake.ts'

interface Placed {
  readonly path: Path
  readonly app: string
  readonly ec2: Ec2File
}

/** Of two different tags nobody knows here whether they select the same instance. */
const shareInstances = (left: Ec2File['instances'], right: Ec2File['instances']): boolean =>
  (left.tag !== undefined && left.tag === right.tag) ||
  (left.ids ?? []).some((id) => right.ids?.includes(id))

const hostsInCommon = (left: Ec2File, right: Ec2File): string[] =>
  left.hosts.filter((host) => right.hosts.includes(host))

const findClash = (earlier: Placed, later: Placed): Findings => {
  const { ec2 } = later
  const other = earlier.ec2
  if (!shareInstances(other.instances, ec2.instances)) return gather([])
  if (earlier.app === later.app)
    return mistaken(
      [...later.path, 'instances'],
      `selects instances of ${renderPath(earlier.path)} too; an app runs once on an instance`,
    )
  const [left, right] = [other.publish, ec2.publish]
  if (left === undefined || right === undefined || left.port !== right.port) return gather([])
  if (left.address !== right.address) {
    const isOpen = left.address === null || right.address === null
    return isOpen
      ? mistaken(
          [...later.path, 'publish'],
          `takes port ${right.port}, which ${renderPath([...earlier.path, 'publish'])} takes on ${left.address ?? 'all addresses'} of the same instances; write both the same way and tell the apps apart by hosts`,
        )
      : gather([])
  }
  const [host] = hostsInCommon(other, ec2)
  if (host !== undefined)
    return mistaken(
      [...later.path, 'hosts'],
      `${host} is a host of ${renderPath(earlier.path)} already, on the same port of the same instances`,
    )
  return other.hosts.length === 0 && ec2.hosts.length === 0
    ? mistaken(
        [...later.path, 'publish'],
        `is the address of ${renderPath(earlier.path)} too, on the same instances; tell the apps apart by hosts, or publish another port`,
      )
    : gather([])
}

/** Two apps may share a proxy's address on an instance, by host; nothing else can be shared. */
export const findAddressClashes = (file: LandfallFile): Findings => {
  const placed = Object.entries(file.apps).flatMap(([app, { targets }]) =>
    targets.flatMap(({ ec2 }, index): Placed[] =>
      ec2 ? [{ path: ['apps', app, 'targets', index, 'ec2'], app, ec2 }] : [],
    ),
  )
  return gather(
    placed.flatMap((later, index) =>
      placed.slice(0, index).map((earlier) => findClash(earlier, later)),
    ),
  )
}
