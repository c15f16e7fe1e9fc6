import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Variables = Readonly<Record<string, string>>

/** What triggered the pipeline. */
export interface Trigger {
  readonly event: 'push' | 'pull_request'
  readonly branch: string
  readonly commit: string
  readonly secrets: Variables
}

export type Step = { readonly title: string; readonly environment: Variables } & (
  | { readonly kind: 'run'; readonly shell: readonly string[]; readonly script: string }
  /** Something that the CI brings itself: GitHub's `uses`, CircleCI's `checkout`. */
  | { readonly kind: 'action'; readonly action: string; readonly inputs: Variables }
)

export interface Job {
  readonly name: string
  readonly requires: readonly string[]
  readonly environment: Variables
  readonly steps: readonly Step[]
}

/** A pipeline's file as one trigger runs it: only the jobs that it starts, its expressions replaced. */
export interface Pipeline {
  readonly workflow: string
  readonly jobs: readonly Job[]
}

interface Ended {
  readonly code: number
  readonly output: string
}

/** Runs a program with these variables and no others; standard output and error as one text. */
export const runWith = (
  [program = '', ...args]: readonly string[],
  cwd: string,
  environment: Variables,
  input = '',
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...environment } })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
    child.stdin.on('error', () => undefined).end(input)
  })

/** What runs in the place of an action, by its name without the version. */
export type StandIns = Readonly<
  Record<string, (workspace: string, environment: Variables, inputs: Variables) => Promise<Ended>>
>

interface Machine {
  /** Takes a workspace for each job. */
  readonly directory: string
  readonly environment: Variables
  readonly standIns: StandIns
}

const runStep = (
  step: Step,
  workspace: string,
  machine: Machine,
  environment: Variables,
): Promise<Ended> => {
  const variables = { ...environment, ...step.environment }
  if (step.kind === 'run') {
    const script = join(machine.directory, 'step.sh')
    writeFileSync(script, step.script)
    return runWith([...step.shell, script], workspace, variables)
  }
  const standIn = machine.standIns[step.action]
  if (standIn === undefined) throw new Error(`nothing stands in for ${step.action}`)
  return standIn(workspace, variables, step.inputs)
}

export interface PipelineResult {
  readonly conclusion: 'success' | 'failure'
  /** `test: flake8`, in order. */
  readonly steps: readonly string[]
  /** The last of the steps, if it failed. */
  readonly failed: string | null
  readonly output: string
}

/** Runs a pipeline's jobs in order, until a step fails; each job begins with an empty workspace. */
export const runPipeline = async (
  { jobs }: Pipeline,
  machine: Machine,
): Promise<PipelineResult> => {
  const steps: string[] = []
  const ended: string[] = []
  let output = ''
  for (const job of jobs) {
    if (!job.requires.every((name) => ended.includes(name)))
      throw new Error(`${job.name} stands before what it requires`)
    const workspace = join(machine.directory, job.name)
    mkdirSync(workspace, { recursive: true })
    for (const step of job.steps) {
      const name = `${job.name}: ${step.title}`
      steps.push(name)
      const variables = { ...machine.environment, ...job.environment }
      const result = await runStep(step, workspace, machine, variables)
      output += `$ ${name}\n${result.output}`
      if (result.code !== 0) return { conclusion: 'failure', steps, failed: name, output }
    }
    ended.push(job.name)
  }
  return { conclusion: 'success', steps, failed: null, output }
}
