import { mistaken, renderPath, type Mistake, type Path } from './mistake.ts'
import type { Ec2File, LandfallFile } from './schema.ts'

interface PlacedTarget {
  readonly path: Path
  readonly app: string
  readonly ec2: Ec2File
}

/** Whether two different tags, or a tag and an id, select the same instance is not known here. */
export const shareInstances = (left: Ec2File['instances'], right: Ec2File['instances']): boolean =>
  (left.tag !== undefined && left.tag === right.tag) ||
  (left.ids ?? []).some((id) => right.ids?.includes(id))

const findClash = (earlier: PlacedTarget, later: PlacedTarget): readonly Mistake[] => {
  const { path, ec2 } = later
  const other = earlier.ec2
  const where = renderPath(earlier.path)
  if (!shareInstances(other.instances, ec2.instances)) return []
  if (earlier.app === later.app)
    return mistaken(
      [...path, 'instances'],
      `also selects instances of ${where}; an app runs once per instance`,
    )
  const [left, right] = [other.publish, ec2.publish]
  if (left === undefined || right === undefined || left.port !== right.port) return []
  if (left.address !== right.address)
    return left.address === null || right.address === null
      ? mistaken(
          [...path, 'publish'],
          `uses port ${right.port}, which ${where}.publish uses on ${left.address ?? 'all addresses'} of the same instances; write both alike and separate the apps by hosts`,
        )
      : []
  const host = other.hosts.find((one) => ec2.hosts.includes(one))
  if (host !== undefined)
    return mistaken(
      [...path, 'hosts'],
      `${host} is already a host of ${where} on the same port of the same instances`,
    )
  return other.hosts.length === 0 && ec2.hosts.length === 0
    ? mistaken(
        [...path, 'publish'],
        `is also the address of ${where} on the same instances; separate the apps by hosts, or publish another port`,
      )
    : []
}

/** Two apps may share an address of the proxy on an instance by host, and nothing else. */
export const findAddressClashes = (file: LandfallFile): readonly Mistake[] => {
  const placed = Object.entries(file.apps).flatMap(([app, { targets }]) =>
    targets.flatMap(({ ec2 }, index): PlacedTarget[] =>
      ec2 ? [{ path: ['apps', app, 'targets', index, 'ec2'], app, ec2 }] : [],
    ),
  )
  return placed.flatMap((later, index) =>
    placed.slice(0, index).flatMap((earlier) => findClash(earlier, later)),
  )
}
