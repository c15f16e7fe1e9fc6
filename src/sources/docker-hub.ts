import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { AppName } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { jsonType, decodeBody } from './body.ts'
import { acceptedSecrets, SentEpochSeconds, SentText, type Parsed, type Source } from './source.ts'

/** The last part of the app's hook URL, 64 hex digits: the only proof of the sender. */
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
 * Docker Hub signs nothing, so the URL has a token, and the body is a hint that may name only the app's own
 * repository and a tag. The sender chooses `callback_url`, so it is never fetched.
 */
export const createDockerHub = (apps: ReadonlySet<string>): Source => ({
  name: 'docker-hub',
  contentTypes: [jsonType],
  verify: async (delivery, secrets, now) => {
    const { path } = delivery
    if (path === null) return fail('token_invalid')
    // The same work for an app that does not exist, so that the time does not reveal which apps exist.
    const sent = sha256(path.token.reveal())
    const isToken = acceptedSecrets(secrets, now).some((secret) =>
      timingSafeEqual(sent, sha256(dockerHubToken(secret, path.app))),
    )
    const app = AppName.safeParse(path.app)
    if (!isToken || !app.success || !apps.has(app.data)) return fail('token_invalid')
    return parseImagePush(app.data, decodeBody(delivery))
  },
})

/** Makes lengths equal for a comparison in constant time. */
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

const parseImagePush = (app: AppName, sent: unknown): Result<Parsed, 'malformed'> => {
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
