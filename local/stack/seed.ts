import { randomBytes } from 'node:crypto'
import {
  CreateTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  waitUntilTableExists,
  type CreateTableCommandInput,
} from '@aws-sdk/client-dynamodb'
import {
  CreateSecretCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { Configuration } from '../../src/deployment/app.ts'
import * as z from 'zod'
import type { ClientSettings } from '../aws/index.ts'

const Table = z.custom<CreateTableCommandInput>(
  (value) => typeof value === 'object' && value !== null && 'TableName' in value,
)

const ignore =
  (known: new (...args: never[]) => Error) =>
  (error: unknown): false => {
    if (error instanceof known) return false
    throw error
  }

/** The tables that the packaged template defines, where they do not exist yet. */
export const createTables = async (
  settings: ClientSettings,
  tables: readonly unknown[],
): Promise<void> => {
  const client = new DynamoDBClient(settings)
  for (const table of tables)
    await client
      .send(new CreateTableCommand(Table.parse(table)))
      .catch(ignore(ResourceInUseException))
  // A table takes no item before it is active.
  for (const table of tables) {
    const { TableName } = Table.parse(table)
    await waitUntilTableExists(
      { client, maxWaitTime: 30, minDelay: 0.02, maxDelay: 1 },
      { TableName },
    )
  }
  client.destroy()
}

/** Whether it was made; one that is there keeps its value. */
export const createSecret = (
  client: SecretsManagerClient,
  Name: string,
  SecretString: string,
): Promise<boolean> =>
  client
    .send(new CreateSecretCommand({ Name, SecretString }))
    .then(() => true)
    .catch(ignore(ResourceExistsException))

/** A random value for each hook secret that the configuration names and that has none yet; returns their names. */
export const createHookSecrets = async (
  settings: ClientSettings,
  { sources }: Configuration,
): Promise<readonly string[]> => {
  const client = new SecretsManagerClient(settings)
  const named = [sources.github, sources.circleci, sources['docker-hub']]
  const names = new Set(named.flatMap((source) => (source ? [source.secret] : [])))
  const created: string[] = []
  for (const name of names)
    if (await createSecret(client, name, randomBytes(32).toString('hex'))) created.push(name)
  client.destroy()
  return created
}
