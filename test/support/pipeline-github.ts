import { parse } from 'yaml'
import * as z from 'zod'
import type { Job, Pipeline, Step, Trigger, Variables } from './pipeline.ts'

const Values = z.record(
  z.string(),
  z.union([z.string(), z.boolean(), z.number()]).transform(String),
)
const Step = z.union([
  z.strictObject({ uses: z.string(), with: Values.default({}), name: z.string().optional() }),
  z.strictObject({
    run: z.string(),
    name: z.string().optional(),
    shell: z.string().optional(),
    env: Values.default({}),
  }),
])
const Names = z.union([z.string().transform((one) => [one]), z.array(z.string())])
const Branches = z.object({ branches: z.array(z.string()) }).nullable()
const Workflow = z.strictObject({
  name: z.string(),
  on: z.strictObject({ push: Branches, pull_request: z.null() }),
  permissions: z.record(z.string(), z.string()),
  defaults: z.strictObject({ run: z.strictObject({ shell: z.string() }) }).optional(),
  env: Values.default({}),
  jobs: z.record(
    z.string(),
    z.strictObject({
      needs: Names.default([]),
      if: z.string().optional(),
      'runs-on': z.string(),
      env: Values.default({}),
      steps: z.array(Step),
    }),
  ),
})

/** As GitHub documents them: `jobs.<job_id>.steps[*].shell`. */
const toShell = (name: string | undefined): readonly string[] => {
  if (name === undefined) return ['bash', '-e']
  if (name === 'bash') return ['bash', '--noprofile', '--norc', '-eo', 'pipefail']
  throw new Error(`the shell ${name} is not known here`)
}

/** The part of GitHub's expressions that the example uses; anything else is an error. */
const createEvaluator = (context: Variables) => {
  const valueOf = (text: string): string => {
    const literal = /^'([^']*)'$/.exec(text)?.[1]
    const value = literal ?? context[text]
    if (value === undefined) throw new Error(`the expression ${text} is not known here`)
    return value
  }
  return {
    fill: (text: string): string =>
      text.replaceAll(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => valueOf(expression)),
    isTrue: (condition: string): boolean =>
      condition.split('&&').every((part) => {
        const [left = '', right = ''] = part.split('==').map((side) => side.trim())
        return valueOf(left) === valueOf(right)
      }),
  }
}

const isStarted = ({ on }: z.infer<typeof Workflow>, { event, branch }: Trigger): boolean =>
  event === 'pull_request' || (on.push?.branches.includes(branch) ?? true)

const prefix = (name: string, variables: Variables): Variables =>
  Object.fromEntries(Object.entries(variables).map(([key, value]) => [`${name}.${key}`, value]))

/** What GitHub runs for a trigger, read from the workflow's file. */
export const readGithubPipeline = (text: string, trigger: Trigger): Pipeline => {
  const workflow = Workflow.parse(parse(text))
  if (!isStarted(workflow, trigger)) return { workflow: workflow.name, jobs: [] }
  const { event, branch, commit, secrets } = trigger
  const ref = event === 'push' ? `refs/heads/${branch}` : 'refs/pull/1/merge'
  const github = { event_name: event, ref, sha: commit }
  const { fill, isTrue } = createEvaluator({
    ...prefix('github', github),
    ...prefix('secrets', secrets),
    ...prefix('env', workflow.env),
  })
  const fillAll = (variables: Variables): Variables =>
    Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, fill(value)]))
  const toStep = (step: z.infer<typeof Step>): Step => {
    if ('uses' in step) {
      const action = step.uses.split('@')[0] ?? ''
      const inputs = fillAll(step.with)
      return { kind: 'action', title: step.name ?? action, action, inputs, environment: {} }
    }
    const shell = toShell(step.shell ?? workflow.defaults?.run.shell)
    const script = fill(step.run)
    const environment = fillAll(step.env)
    return { kind: 'run', title: step.name ?? step.run, shell, script, environment }
  }
  const jobs = Object.entries(workflow.jobs)
    .filter(([, job]) => job.if === undefined || isTrue(job.if))
    .map(([name, job]): Job => ({
      name,
      requires: job.needs,
      environment: { ...fillAll(workflow.env), ...fillAll(job.env), GITHUB_SHA: commit },
      steps: job.steps.map(toStep),
    }))
  return { workflow: workflow.name, jobs }
}
