import { randomInt } from 'node:crypto'
import * as z from 'zod'
import type { JsonFile } from '../../base/json-file.ts'
import { toArn, type Account } from '../account.ts'
import { AwsError } from '../operation.ts'
import { Secret } from './secret.ts'

export const SecretList = z.array(Secret)

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** The six random characters that Secrets Manager puts behind every name. */
const toSuffix = (): string =>
  Array.from({ length: 6 }, () => letters[randomInt(letters.length)]).join('')

export interface SecretStore {
  list(): readonly Secret[]
  /** By name, ARN, or ARN without its suffix. */
  lookUp(id: string): Secret | null
  /** The same. Throws ResourceNotFoundException. */
  find(id: string): Secret
  /** As `find`, but a secret marked for deletion cannot be used. */
  use(id: string): Secret
  create(name: string, facts: Pick<Secret, 'description' | 'tags' | 'keyArn'>): Secret
  change(secret: Secret, change: Partial<Secret>): Secret
  remove(secret: Secret): void
}

export const createSecretStore = (
  account: Account,
  file: JsonFile<z.infer<typeof SecretList>>,
): SecretStore => {
  const secrets = new Map((file.read() ?? []).map((secret) => [secret.name, secret]))
  const put = (secret: Secret): Secret => {
    secrets.set(secret.name, secret)
    file.write([...secrets.values()])
    return secret
  }
  const lookUp = (id: string): Secret | null =>
    secrets.get(id) ??
    [...secrets.values()].find(({ arn }) => arn === id || arn.slice(0, -7) === id) ??
    null
  const find = (id: string): Secret => {
    const found = lookUp(id)
    if (found) return found
    throw new AwsError(
      'ResourceNotFoundException',
      "Secrets Manager can't find the specified secret.",
    )
  }
  return {
    list: () => [...secrets.values()],
    lookUp,
    find,
    use: (id) => {
      const secret = find(id)
      if (secret.deletedAt === undefined) return secret
      throw new AwsError(
        'InvalidRequestException',
        "You can't perform this operation on the secret because it was marked for deletion.",
      )
    },
    create: (name, facts) => {
      if (secrets.has(name))
        throw new AwsError(
          'ResourceExistsException',
          `The operation failed because the secret ${name} already exists.`,
        )
      const now = new Date().toISOString()
      const arn = toArn(account, 'secretsmanager', `secret:${name}-${toSuffix()}`)
      return put({ name, arn, ...facts, createdAt: now, changedAt: now, versions: [] })
    },
    change: (secret, change) => put({ ...secret, ...change, changedAt: new Date().toISOString() }),
    remove: (secret) => {
      secrets.delete(secret.name)
      file.write([...secrets.values()])
    },
  }
}
