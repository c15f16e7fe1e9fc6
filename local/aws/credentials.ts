import { randomBytes, randomInt } from 'node:crypto'
import type { FunctionPrincipal } from './iam/role.ts'

/**
 * On whose behalf a call is made. The administrator may do everything: the person at this stack, its own
 * parts, a test. A function may do what its role allows.
 */
export type Principal = { readonly kind: 'administrator' } | FunctionPrincipal

export interface KeyPair {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** What any SDK client needs to speak to the endpoint. */
export interface ClientSettings {
  /** `http://localhost:4566` */
  readonly endpoint: string
  readonly region: string
  readonly credentials: KeyPair
}

/** The access keys of one run of the endpoint. */
export interface Credentials {
  issue(principal: Principal): KeyPair
  find(accessKeyId: string): { readonly principal: Principal; readonly key: KeyPair } | null
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Of the form that AWS gives to a user's key: `AKIA` and 16 characters of base32, and 40 of base64. */
const createKeyPair = (): KeyPair => {
  const characters = Array.from({ length: 16 }, () => alphabet[randomInt(alphabet.length)])
  return {
    accessKeyId: `AKIA${characters.join('')}`,
    secretAccessKey: randomBytes(30).toString('base64'),
  }
}

export const createCredentials = (): Credentials => {
  const issued = new Map<string, { principal: Principal; key: KeyPair }>()
  return {
    issue: (principal) => {
      const key = createKeyPair()
      issued.set(key.accessKeyId, { principal, key })
      return key
    },
    find: (accessKeyId) => issued.get(accessKeyId) ?? null,
  }
}
