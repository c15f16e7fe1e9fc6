import type { SettingsAnswer } from '../src/answers/status.ts'
import { matchesBranch, toTexts } from './lint-branches.ts'
import type { Files, RepositoryFinding } from './finding.ts'
import { safe } from './text.ts'
import { Mapping, mappingAt, parseYaml } from './yaml-file.ts'

interface Workflow {
  readonly file: string
  readonly name: string
  readonly content: Mapping
}

const folder = '.github/workflows/'

const readWorkflows = (
  files: Files,
): { readonly workflows: readonly Workflow[]; readonly broken: readonly RepositoryFinding[] } => {
  const read = [...files]
    .filter(([file]) => file.startsWith(folder))
    .map(([file, text]) => ({ file, ...parseYaml(text) }))
  return {
    workflows: read.flatMap((one) => {
      if (!('mapping' in one)) return []
      const { name } = one.mapping
      return [
        { file: one.file, name: typeof name === 'string' ? name : one.file, content: one.mapping },
      ]
    }),
    broken: read.flatMap((one) =>
      'mistake' in one
        ? [
            {
              level: 'problem' as const,
              what: one.file,
              message: `is not read by GitHub: ${one.mistake}`,
            },
          ]
        : [],
    ),
  }
}

/** As `requires` names it: by its path, its file or its name (docs/sources.md). */
const isNamed = ({ file, name }: Workflow, wanted: string): boolean =>
  wanted === file || `${folder}${wanted}` === file || wanted === name

/** What is under `on.push`; null where a push starts nothing. */
const pushOf = ({ content }: Workflow): Mapping | null => {
  const { on } = content
  if (toTexts(on).includes('push')) return {}
  const events = Mapping.safeParse(on).data
  return events !== undefined && 'push' in events ? mappingAt(events, 'push') : null
}

const lintPush = (workflow: Workflow, branch: string): readonly RepositoryFinding[] => {
  const push = pushOf(workflow)
  const problem = (message: string): RepositoryFinding => ({
    level: 'problem',
    what: workflow.file,
    message,
  })
  if (push === null)
    return [problem(`no push starts it: add \`push: { branches: [${branch}] }\` under \`on\``)]
  const { branches, 'branches-ignore': ignored, paths, 'paths-ignore': otherPaths, tags } = push
  const isOnlyTags = tags !== undefined && branches === undefined && ignored === undefined
  const isLeftOut =
    isOnlyTags ||
    (branches !== undefined && !matchesBranch(toTexts(branches), branch)) ||
    matchesBranch(toTexts(ignored), branch)
  return [
    ...(isLeftOut
      ? [
          problem(
            `a push to ${branch} does not start it: name the branch under \`on.push.branches\``,
          ),
        ]
      : []),
    ...(paths !== undefined || otherPaths !== undefined
      ? [
          {
            level: 'warning' as const,
            what: workflow.file,
            message:
              'a push that changes none of its `paths` starts no run, and its commit waits in vain',
          },
        ]
      : []),
  ]
}

/** Whether each workflow of GitHub that the app requires is there, and runs for a push to its branch. */
export const lintGithub = (files: Files, app: SettingsAnswer): readonly RepositoryFinding[] => {
  const wanted = app.requires.flatMap((one) =>
    one.kind === 'ci' && one.ci === 'github' ? [one.workflow] : [],
  )
  if (wanted.length === 0) return []
  const { workflows, broken } = readWorkflows(files)
  const names = workflows.map(({ name }) => JSON.stringify(safe(name, 80))).join(', ') || 'none'
  return [
    ...broken,
    ...wanted.flatMap((name) => {
      const found = workflows.filter((one) => isNamed(one, name))
      if (found.length > 0) return found.flatMap((one) => lintPush(one, app.branch))
      // It may be the one that cannot be read.
      if (broken.length > 0) return []
      return [
        {
          level: 'problem' as const,
          what: app.app,
          message: `requires the workflow ${JSON.stringify(safe(name, 80))} of GitHub; the repository has ${names}`,
        },
      ]
    }),
  ]
}
