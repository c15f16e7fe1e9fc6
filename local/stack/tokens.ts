import { randomBytes } from 'node:crypto'
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { ClientSettings } from '../aws/index.ts'
import { createSecret } from './seed.ts'

const readSecret = async (
  client: SecretsManagerClient,
  SecretId: string,
): Promise<string | null> => {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId }))
    return SecretString?.trim() ?? null
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return null
    throw error
  }
}

export interface Tokens {
  /** Whether one of the secrets holds this token at the moment. */
  readonly isToken: (token: string) => Promise<boolean>
  stop(): void
}

/** The tokens of a vendor: what these secrets hold; a secret that is not there is created. */
export const createTokens = async (
  settings: ClientSettings,
  secrets: readonly string[],
  prefix: string,
): Promise<Tokens> => {
  const client = new SecretsManagerClient(settings)
  const names = [...new Set(secrets)]
  for (const name of names)
    await createSecret(client, name, `${prefix}${randomBytes(16).toString('hex')}`)
  return {
    isToken: async (token) => {
      const held = await Promise.all(names.map((name) => readSecret(client, name)))
      return held.includes(token)
    },
    stop: () => client.destroy(),
  }
}
