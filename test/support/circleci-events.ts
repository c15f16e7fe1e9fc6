import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as z from 'zod'

const Part = z.record(z.string(), z.unknown())
const Body = z.looseObject({
  pipeline: z.looseObject({
    vcs: Part.optional(),
    trigger_parameters: z.looseObject({ git: Part, circleci: Part }).optional(),
  }),
  workflow: Part,
})

const read = (file: string) =>
  Body.parse(JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')))

/** What CircleCI sends of a project that it reaches by its OAuth app, and of one by its GitHub App. */
const oauth = read('circleci-workflow-oauth.json')
const githubApp = read('circleci-workflow-github-app.json')

/** The end of a job, which is of no interest. */
export const jobBody = read('circleci-job.json')

type Fields = Readonly<Record<string, unknown>>

interface Changes {
  readonly body?: Fields
  readonly pipeline?: Fields
  readonly workflow?: Fields
}

const change = (whole: typeof oauth, { body, pipeline, workflow }: Changes) => ({
  ...whole,
  pipeline: { ...whole.pipeline, ...pipeline },
  workflow: { ...whole.workflow, ...workflow },
  ...body,
})

/** `workflow-completed` in the shape with `pipeline.vcs`. */
export const oauthBody = ({ vcs, pipeline, ...changes }: Changes & { vcs?: Fields } = {}) =>
  change(oauth, { ...changes, pipeline: { vcs: { ...oauth.pipeline.vcs, ...vcs }, ...pipeline } })

/** `workflow-completed` in the shape with `pipeline.trigger_parameters`; `more` lies beside `git`. */
export const githubAppBody = ({
  git,
  circleci,
  more,
  pipeline,
  ...changes
}: Changes & { git?: Fields; circleci?: Fields; more?: Fields } = {}) => {
  const before = githubApp.pipeline.trigger_parameters
  const parameters = {
    git: { ...before?.git, ...git },
    circleci: { ...before?.circleci, ...circleci },
    ...more,
  }
  return change(githubApp, {
    ...changes,
    pipeline: { trigger_parameters: parameters, ...pipeline },
  })
}

export const signCircleci = (secret: string, body: string | Uint8Array): string =>
  `v1=${createHmac('sha256', secret).update(body).digest('hex')}`
