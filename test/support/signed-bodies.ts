import { dockerHubToken } from '../../src/sources/docker-hub.ts'
import { githubAppBody, jobBody, oauthBody, signCircleci } from './circleci-events.ts'
import { pushBody, runBody, signGithub } from './github-events.ts'
import { circleciSecret, dockerHubSecret, githubSecret } from './receiving.ts'
import { dockerHubPush, githubExamples } from './vectors.ts'

export const formEncoded = 'application/x-www-form-urlencoded'

/** An event as its vendor would sign it, before it is written as bytes. */
export interface Example {
  readonly event: string
  readonly path: string
  readonly body: unknown
  readonly sign: (bytes: Uint8Array) => Readonly<Record<string, string>>
}

/** The bytes that were signed, and what the vendor sends with them. */
export interface SignedBody {
  readonly path: string
  readonly event: string
  readonly contentType: string
  readonly bytes: Buffer
  readonly signature: Readonly<Record<string, string>>
}

const ofGithub = (event: string, body: unknown): Example => ({
  event,
  path: '/hooks/github',
  body,
  sign: (bytes) => ({ 'x-hub-signature-256': signGithub(githubSecret, bytes) }),
})

const ofCircleci = (event: string, body: unknown): Example => ({
  event,
  path: '/hooks/circleci',
  body,
  sign: (bytes) => ({ 'circleci-signature': signCircleci(circleciSecret, bytes) }),
})

const token = dockerHubToken(dockerHubSecret, 'oc-lettings')

/** Nothing of it is signed: the path is the proof. */
const ofDockerHub: Example = {
  event: '',
  path: `/hooks/docker-hub/oc-lettings/${token}`,
  body: dockerHubPush,
  sign: () => ({}),
}

/** Every example of every source in this repository. */
export const signedExamples: readonly Example[] = [
  ...githubExamples.map(({ name, body }) => ofGithub(name, body)),
  ofGithub('push', pushBody()),
  ofGithub('workflow_run', runBody()),
  ofCircleci('workflow-completed', oauthBody()),
  ofCircleci('workflow-completed', githubAppBody()),
  ofCircleci('job-completed', jobBody),
  ofCircleci('ping', { type: 'ping', id: '1', webhook: { id: '2', name: 'landfall' } }),
  ofDockerHub,
]

/** @param bytes what the vendor signs, where it is not the body as JSON. */
export const toJson = (
  { body, path, event, sign }: Example,
  bytes = Buffer.from(JSON.stringify(body)),
): SignedBody => ({
  path,
  event,
  contentType: 'application/json',
  bytes,
  signature: sign(bytes),
})

/** As a hook sends it whose content type is the form. */
export const toForm = (example: Example): SignedBody => {
  const payload = encodeURIComponent(JSON.stringify(example.body)).replaceAll('%20', '+')
  const form = `payload=${payload}`
  return { ...toJson(example, Buffer.from(form)), contentType: formEncoded }
}

type Path = readonly (string | number)[]

/** The way to each text in a value. */
const textsIn = (value: unknown, path: Path = []): readonly Path[] => {
  if (typeof value === 'string') return [path]
  if (Array.isArray(value)) return value.flatMap((one, at) => textsIn(one, [...path, at]))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, one]) => textsIn(one, [...path, name]))
}

const replace = (value: unknown, [at, ...rest]: Path, text: string): unknown => {
  if (at === undefined) return text
  if (Array.isArray(value))
    return value.map((one, index): unknown => (index === at ? replace(one, rest, text) : one))
  const fields = typeof value === 'object' && value !== null ? Object.entries(value) : []
  return Object.fromEntries(
    fields.map(([name, one]) => [name, name === at ? replace(one, rest, text) : one]),
  )
}

/**
 * Each example with `textOf(n)` in the place of one of its texts, the n-th of all; each field of an
 * event once, whichever examples and whichever items of a list have it.
 */
export function* plant(textOf: (at: number) => string): Generator<Example> {
  const planted = new Set<string>()
  for (const example of signedExamples)
    for (const path of textsIn(example.body)) {
      const field = path.map((step) => (typeof step === 'number' ? '*' : step)).join('/')
      const name = `${example.path} ${example.event} ${field}`
      if (planted.has(name)) continue
      yield { ...example, body: replace(example.body, path, textOf(planted.size)) }
      planted.add(name)
    }
}
