import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { AppName } from '../kernel/id.ts'
import type { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { jsonType, decodeBody } from './body.ts'
import { acceptedSecrets, SentEpochSeconds, SentText, type Parsed, type Source } from './source.ts'

/** The last part of the app's hook URL, 64 hex digits: the whole of what proves the sender. */
export const dockerHubToken = (secret: string, app: string): string =>
  createHmac('sha256', secret).update(`docker-hub:${app}`).digest('hex')

const Body = z.object({
  push_data: z.object({
    tag: z.string().regex(/^\w[\w.-]{0,127}$/),
    pushed_at: SentEpochSeconds.nullable().catch(null),
  }),
  repository: z.object({ repo_name: SentText }),
})

/**
 * Docker Hub signs nothing, so its URL carries a token; the body is a hint that may name the app's
 * own repository and a tag. `callback_url` is dead, and whoever sends it chooses it: never fetched.
 */
export const createDockerHub = (apps: ReadonlySet<string>): Source => ({
  name: 'docker-hub',
  contentTypes: [jsonType],
  verify: async (delivery, secrets, now) => {
    const { path } = delivery
    if (path === null) return fail('token_invalid')
    // The same work for an app that does not exist, so that no clock tells which apps do.
    const isToken = isTokenOf(acceptedSecrets(secrets, now), path.app, path.token)
    const app = AppName.safeParse(path.app)
    if (!isToken || !app.success || !apps.has(app.data)) return fail('token_invalid')
    return parse(app.data, decodeBody(delivery))
  },
})

const isTokenOf = (secrets: readonly string[], app: string, token: Redacted): boolean => {
  const sent = sha256(token.reveal())
  return secrets.some((secret) => timingSafeEqual(sent, sha256(dockerHubToken(secret, app))))
}

/** Equal lengths for a comparison in constant time, whatever was sent. */
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

const parse = (app: AppName, sent: unknown): Result<Parsed, 'malformed'> => {
  const body = Body.safeParse(sent)
  if (!body.success) return fail('malformed')
  const { push_data: push, repository } = body.data
  return succeed({
    kind: 'image',
    app,
    repository: repository.repo_name,
    tag: push.tag,
    pushedAt: push.pushed_at,
  })
}
