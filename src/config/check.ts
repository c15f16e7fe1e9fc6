import { AppName } from '../kernel/id.ts'
import { findAddressClashes } from './check-addresses.ts'
import { checkApp } from './check-app.ts'
import { checkUnbuilt } from './check-unbuilt.ts'
import type { Findings } from './findings.ts'
import { gather, mistaken, warned } from './findings.ts'
import type { LandfallFile } from './schema.ts'

/** Beside the apps' directories on an instance stands the instance's own. */
const reservedNames = ['instance']

const checkName = (name: string): Findings => {
  if (reservedNames.includes(name))
    return mistaken(['apps', name], 'is a name that Landfall keeps for itself', { ofKey: true })
  return AppName.safeParse(name).success
    ? gather([])
    : mistaken(
        ['apps', name],
        'an app\'s name is 2 to 40 lower-case letters, digits and "-", and begins with a letter: it stands in URLs, paths and container names',
        { ofKey: true },
      )
}

const checkSources = ({ sources, apps }: LandfallFile): Findings => {
  const required = new Set(
    Object.values(apps).flatMap(({ requires }) =>
      requires.flatMap((entry) => (entry === 'image' ? [] : [entry.ci])),
    ),
  )
  return sources.circleci !== undefined && !required.has('circleci')
    ? warned(
        ['sources', 'circleci'],
        'no app requires { ci: circleci }, so its webhooks do nothing',
      )
    : gather([])
}

/** What no single value shows: how the parts of a well-formed file fit together. */
export const check = (file: LandfallFile): Findings => {
  const apps = Object.entries(file.apps)
  if (apps.length === 0) return mistaken(['apps'], 'there is no app in it')
  return gather([
    checkSources(file),
    ...apps.map(([name]) => checkName(name)),
    ...apps.map(([name, app]) => checkApp(['apps', name], app, file.sources)),
    ...apps.map(([name, app]) => checkUnbuilt(['apps', name], app)),
    findAddressClashes(file),
  ])
}
