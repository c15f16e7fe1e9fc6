import type { SettingsAnswer } from '../src/answers/status.ts'
import { matchesBranch, toTexts } from './lint-branches.ts'
import type { Files, RepositoryFinding } from './finding.ts'
import { safe } from './text.ts'
import { Mapping, mappingAt, parseYaml } from './yaml-file.ts'

const configFile = /^\.circleci\/config\.ya?ml$/

/** A job of a workflow stands alone, or as a key with its filters. */
const filtersOf = (job: unknown): Mapping => {
  const [settings] = Object.values(Mapping.safeParse(job).data ?? {})
  return mappingAt(mappingAt(Mapping.safeParse(settings).data ?? {}, 'filters'), 'branches')
}

const isFor = (job: unknown, branch: string): boolean => {
  const { only, ignore } = filtersOf(job)
  const isNamed = only === undefined || matchesBranch(toTexts(only), branch)
  return isNamed && !matchesBranch(toTexts(ignore), branch)
}

const lintWorkflow = (
  file: string,
  workflows: Mapping,
  name: string,
  { app, branch }: SettingsAnswer,
): readonly RepositoryFinding[] => {
  const names = Object.keys(workflows).filter((one) => one !== 'version')
  if (!names.includes(name))
    return [
      {
        level: 'problem',
        what: app,
        message: `requires the workflow ${JSON.stringify(safe(name, 80))} of CircleCI; ${file} has ${names.map((one) => JSON.stringify(safe(one, 80))).join(', ') || 'none'}`,
      },
    ]
  const { jobs } = mappingAt(workflows, name)
  const list = Array.isArray(jobs) ? jobs : []
  if (list.some((job) => isFor(job, branch))) return []
  return [
    {
      level: 'problem',
      what: file,
      message: `no job of ${JSON.stringify(safe(name, 80))} runs for ${branch}: its filters leave the branch out`,
    },
  ]
}

/** Whether each workflow of CircleCI that the app requires is there, and runs for its branch. */
export const lintCircleci = (files: Files, app: SettingsAnswer): readonly RepositoryFinding[] => {
  const wanted = app.requires.flatMap((one) =>
    one.kind === 'ci' && one.ci === 'circleci' ? [one.workflow] : [],
  )
  if (wanted.length === 0) return []
  const [file, text] = [...files].find(([path]) => configFile.test(path)) ?? [null, '']
  if (file === null)
    return [
      {
        level: 'problem',
        what: app.app,
        message: 'requires CircleCI; the repository has no .circleci/config.yml',
      },
    ]
  const read = parseYaml(text)
  if ('mistake' in read)
    return [{ level: 'problem', what: file, message: `is not read by CircleCI: ${read.mistake}` }]
  const workflows = mappingAt(read.mapping, 'workflows')
  return wanted.flatMap((name) => lintWorkflow(file, workflows, name, app))
}
