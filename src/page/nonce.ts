import { createHmac, timingSafeEqual } from 'node:crypto'
import { newNonce } from '../kernel/id.ts'

/** What a form does: it is good for that alone, and only in the session that it was made for. */
export interface Purposed {
  /** The token of the session's cookie: a secret that a form of another site does not know. */
  readonly token: string
  /** The app, the action and both its ends. */
  readonly purpose: readonly string[]
}

const signNonce = (id: string, { token, purpose }: Purposed): string =>
  createHmac('sha256', token)
    .update(JSON.stringify([id, ...purpose]))
    .digest('base64url')

/** `<id>.<signature>`: nothing is stored for a form that nobody sends. */
export const makeNonce = (of: Purposed, id: string = newNonce()): string =>
  `${id}.${signNonce(id, of)}`

/** The `requestId` of the form, the same however often it is sent; null where the form is not ours. */
export const readNonce = (nonce: string, of: Purposed): string | null => {
  const [, id = '', signature = ''] = /^([0-9a-f-]{36})\.([\w-]{43})$/.exec(nonce) ?? []
  const expected = Buffer.from(signNonce(id, of))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected) ? id : null
}
