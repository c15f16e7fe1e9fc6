import { AppName } from '../kernel/id.ts'
import { findAddressClashes } from './check-addresses.ts'
import { checkApp } from './check-app.ts'
import { findSharedVolumes } from './check-volumes.ts'
import { mistaken, warned, type Mistake } from './mistake.ts'
import type { LandfallFile } from './schema.ts'

const checkName = (name: string): readonly Mistake[] => {
  // An instance has a directory of this name beside those of the apps.
  if (name === 'instance') return mistaken(['apps', name], 'is a reserved name', true)
  return AppName.safeParse(name).success
    ? []
    : mistaken(
        ['apps', name],
        'an app\'s name is 2 to 40 lower-case letters, digits and "-", and begins with a letter: it is part of URLs, paths and container names',
        true,
      )
}

const checkSources = ({ sources, apps }: LandfallFile): readonly Mistake[] => {
  const isRequired = Object.values(apps).some(({ requires }) =>
    requires.some((entry) => entry !== 'image' && entry.ci === 'circleci'),
  )
  return sources.circleci === undefined || isRequired
    ? []
    : warned(
        ['sources', 'circleci'],
        'no app requires { ci: circleci }, so its webhooks have no effect',
      )
}

/** Checks how the parts of a well-formed file fit together. */
export const check = (file: LandfallFile): readonly Mistake[] => {
  const apps = Object.entries(file.apps)
  if (apps.length === 0) return mistaken(['apps'], 'has no app')
  return [
    ...checkSources(file),
    ...apps.flatMap(([name]) => checkName(name)),
    ...apps.flatMap(([name, app]) => checkApp(['apps', name], app, file.sources)),
    ...findAddressClashes(file),
    ...findSharedVolumes(file),
  ]
}
