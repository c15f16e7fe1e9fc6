import { AppName } from '../kernel/id.ts'
import { findAddressClashes } from './check-addresses.ts'
import { checkApp } from './check-app.ts'
import type { Findings } from './findings.ts'
import { gather, mistaken, warned } from './findings.ts'
import type { LandfallFile } from './schema.ts'

const checkName = (name: string): Findings =>
  AppName.safeParse(name).success
    ? gather([])
    : mistaken(
        ['apps', name],
        'an app\'s name is 2 to 40 lower-case letters, digits and "-", and begins with a letter: it stands in URLs, paths and container names',
        { ofKey: true },
      )

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
    findAddressClashes(file),
  ])
}
