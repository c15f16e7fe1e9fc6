import { parse } from 'yaml'
import * as z from 'zod'
import type { Job, Pipeline, Step, Trigger } from './pipeline.ts'

const Variables = z.record(z.string(), z.string())
const Command = z.strictObject({
  name: z.string().optional(),
  command: z.string(),
  environment: Variables.default({}),
})
const Step = z.union([
  z.enum(['checkout', 'setup_remote_docker']),
  z.strictObject({
    run: z.union([
      z.string().transform((command) => ({ command, name: command, environment: {} })),
      Command,
    ]),
  }),
])
const Invocation = z.strictObject({
  requires: z.array(z.string()).default([]),
  filters: z.strictObject({ branches: z.strictObject({ only: z.string() }) }).optional(),
})
const Config = z.strictObject({
  version: z.literal(2.1),
  jobs: z.record(
    z.string(),
    z.strictObject({
      docker: z.array(z.strictObject({ image: z.string() })),
      environment: Variables.default({}),
      steps: z.array(Step),
    }),
  ),
  workflows: z.record(
    z.string(),
    z.strictObject({
      jobs: z.array(
        z.union([
          z.string().transform((name) => [name, Invocation.parse({})] as const),
          z.record(z.string(), Invocation).transform((one) => Object.entries(one)[0]),
        ]),
      ),
    }),
  ),
})

const toStep = (step: z.infer<typeof Step>): Step =>
  typeof step === 'string'
    ? { kind: 'action', title: step, action: step, inputs: {}, environment: {} }
    : {
        kind: 'run',
        title: step.run.name ?? step.run.command,
        // CircleCI's default, where the image has bash.
        shell: ['/bin/bash', '-eo', 'pipefail'],
        script: step.run.command,
        environment: step.run.environment,
      }

/** What CircleCI runs for a push, read from its configuration; the project's variables are the secrets. */
export const readCircleciPipeline = (text: string, trigger: Trigger): Pipeline => {
  const { jobs, workflows } = Config.parse(parse(text))
  const [found] = Object.entries(workflows)
  if (found === undefined) throw new Error('the configuration has no workflow')
  const [workflow, { jobs: invocations }] = found
  const started = invocations.flatMap((invocation): readonly Job[] => {
    if (invocation === undefined) return []
    const [name, { requires, filters }] = invocation
    const job = jobs[name]
    if (job === undefined) throw new Error(`the workflow names no job ${name}`)
    if (filters !== undefined && filters.branches.only !== trigger.branch) return []
    const facts = { CIRCLE_SHA1: trigger.commit, CIRCLE_BRANCH: trigger.branch }
    const environment = { ...trigger.secrets, ...facts, ...job.environment }
    return [{ name, requires, environment, steps: job.steps.map(toStep) }]
  })
  return { workflow, jobs: started }
}
