import type { App } from '../deployment/app.ts'
import type { Finding } from '../deployment/plan.ts'
import { knownOf } from '../deployment/repository.ts'
import { isOfWorkflow, type SeenWorkflow } from '../deployment/seen-names.ts'
import { isSameName } from '../kernel/id.ts'
import { toPlainLine } from '../kernel/plain-line.ts'
import type { AppFacts } from './plan-facts.ts'

const warn = (what: string, message: string): Finding => ({ level: 'warning', what, message })

/** What the deliveries have shown of the app's repository. */
export const judgeRepository = ({
  app,
  repository,
}: Pick<AppFacts, 'app' | 'repository'>): readonly Finding[] => {
  const known = knownOf(app, repository)
  if (known === null) return []
  const { id, renamed, refused } = known
  return [
    ...(renamed === null
      ? []
      : [
          warn(
            'repository',
            `GitHub calls ${app.repository} (id ${id}) ${renamed.name} now: its deliveries count; write repository: ${renamed.name}`,
          ),
        ]),
    ...(refused === null
      ? []
      : [
          warn(
            'repository',
            `deliveries of another repository with the name ${app.repository} are refused: its id is ${refused.id}, last seen at ${refused.at}, and ${id} is the one that counts. If you have created it anew, write repositoryId: ${refused.id} beside repository`,
          ),
        ]),
    ...(renamed === null && refused === null
      ? [
          {
            level: 'fine',
            what: 'repository',
            message: `${app.repository} has the id ${id} at GitHub`,
          } as const,
        ]
      : []),
  ]
}

/** Strangers wrote them. */
const show = (text: string): string => JSON.stringify(toPlainLine(text, 100))

const showWorkflow = ({ workflow, workflowPath }: SeenWorkflow): string =>
  workflowPath === null ? show(workflow) : `${show(workflow)} in ${show(workflowPath)}`

const shownWorkflows = 5

const judgeWorkflow = (
  { branch }: App,
  seen: readonly SeenWorkflow[],
  { ci, workflow }: Pick<SeenWorkflow, 'ci' | 'workflow'>,
): readonly Finding[] => {
  const ofCi = seen.filter((one) => one.ci === ci)
  const own = ofCi.filter((one) => isOfWorkflow(one, workflow))
  const list = (some: readonly SeenWorkflow[]): string =>
    some.slice(0, shownWorkflows).map(showWorkflow).join(', ')
  if (ofCi.length > 0 && own.length === 0)
    return [
      warn(
        'workflow',
        `no run of a push to ${branch} was of the ${ci} workflow ${workflow} yet; those of others that came: ${list(ofCi)}. If one of these is meant, write it in requires`,
      ),
    ]
  return own.length > 1
    ? [
        warn(
          'workflow',
          `several files have the ${ci} workflow ${workflow}: ${list(own)}. Each that has run must be green, and one that ends later is not waited for: write the file in requires`,
        ),
      ]
    : []
}

/** Names in landfall.yml that the deliveries so far do not have. */
export const judgeNames = ({ app, names }: Pick<AppFacts, 'app' | 'names'>): readonly Finding[] => [
  ...names.branches
    .filter((branch) => branch !== app.branch && isSameName(branch, app.branch))
    .map((branch) =>
      warn(
        'branch',
        `there were pushes to ${show(branch)}, and landfall.yml has ${app.branch}: Git tells capitals from small letters`,
      ),
    ),
  ...app.requires.flatMap((one) =>
    one.kind === 'ci' ? judgeWorkflow(app, names.workflows, one) : [],
  ),
]
