import { readFileSync } from 'node:fs'
import * as z from 'zod'

const Vector = z.object({ secret: z.string(), body: z.string(), value: z.string() })

/** Signatures that vendors publish, so that ours are held against somebody else's. */
export const signatureVectors = z
  .object({ github: z.array(Vector), circleci: z.array(Vector) })
  .parse(JSON.parse(readFileSync(new URL('signature-vectors.json', import.meta.url), 'utf8')))

export const dockerHubPush: unknown = JSON.parse(
  readFileSync(new URL('docker-hub-push.json', import.meta.url), 'utf8'),
)

/** Every example of every GitHub event that @octokit/webhooks-examples has. */
export const githubExamples = z
  .array(z.object({ name: z.string(), examples: z.array(z.unknown()) }))
  .parse(
    JSON.parse(readFileSync(new URL(import.meta.resolve('@octokit/webhooks-examples')), 'utf8')),
  )
  .flatMap(({ name, examples }) => examples.map((body, index) => ({ name, index, body })))
