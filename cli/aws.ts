import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { loadSharedConfigFiles } from '@smithy/core/config'
import type { Context } from './context.ts'
import { toCommandError } from './failure.ts'

// The one file of the command line that speaks to AWS. It is loaded by the verbs that call.

export interface SecretValue {
  readonly text: string
  readonly version: string
}

export interface Aws {
  /** The JSON that the function answers; `hasFailed`: it has crashed, and the JSON is its error. */
  invoke(name: string, input: string): Promise<{ text: string; hasFailed: boolean }>
  /** The last part of the caller's ARN. */
  whoAmI(): Promise<string>
  readSecret(name: string): Promise<SecretValue>
  /** False where the secret has another version by now; nothing is replaced then. */
  replaceSecret(name: string, text: string, expected: string): Promise<boolean>
}

/** `plan` waits a minute for the instances. Without the second key the SDK only warns. */
const requestHandler = {
  connectionTimeout: 5000,
  requestTimeout: 70_000,
  throwOnRequestTimeout: true,
}

/** A version that is not current yet has this label: one without any label may be deleted. */
const pendingLabel = 'LANDFALL_PENDING'

type Guard = <Value>(action: string, on: string, act: () => Promise<Value>) => Promise<Value>

const moveLabel = (
  client: SecretsManagerClient,
  name: string,
  label: string,
  versions: { readonly from: string; readonly to?: string },
) =>
  client.send(
    new UpdateSecretVersionStageCommand({
      SecretId: name,
      VersionStage: label,
      RemoveFromVersionId: versions.from,
      ...(versions.to !== undefined && { MoveToVersionId: versions.to }),
    }),
  )

/** The label is on another version than the named one, or that one is gone. */
const isOtherVersion = (error: unknown): boolean =>
  error instanceof Error &&
  ['InvalidParameterException', 'ResourceNotFoundException'].includes(error.name)

/** PutSecretValue knows no condition; moving the label AWSCURRENT from a named version does. */
const replaceSecret =
  (client: SecretsManagerClient, guard: Guard): Aws['replaceSecret'] =>
  async (name, text, expected) => {
    const VersionStages = [pendingLabel]
    const put = new PutSecretValueCommand({ SecretId: name, SecretString: text, VersionStages })
    const action = 'secretsmanager:PutSecretValue'
    const { VersionId: version = '' } = await guard(action, name, () => client.send(put))
    const isMoved = await guard('secretsmanager:UpdateSecretVersionStage', name, async () => {
      try {
        await moveLabel(client, name, 'AWSCURRENT', { from: expected, to: version })
        return true
      } catch (error) {
        if (isOtherVersion(error)) return false
        throw error
      }
    })
    // Another change may have taken the label already.
    await moveLabel(client, name, pendingLabel, { from: version }).catch(() => null)
    return isMoved
  }

const openSecrets = (
  client: SecretsManagerClient,
  guard: Guard,
): Pick<Aws, 'readSecret' | 'replaceSecret'> => ({
  readSecret: (name) =>
    guard('secretsmanager:GetSecretValue', name, async () => {
      const found = await client.send(new GetSecretValueCommand({ SecretId: name }))
      return { text: found.SecretString ?? '', version: found.VersionId ?? '' }
    }),
  replaceSecret: replaceSecret(client, guard),
})

/** With the SDK's own chain of credentials, which asks `askMfaCode` where a role wants one. */
export const createAws = (
  context: Context,
  askMfaCode: (serial: string) => Promise<string>,
): Aws => {
  const { region, profile } = context
  const clientConfig = { region, requestHandler, maxAttempts: 3 }
  const named = { ...(profile !== undefined && { profile }), mfaCodeProvider: askMfaCode }
  const credentials = defaultProvider({ ...named, clientConfig: { region } })
  const settings = { ...clientConfig, credentials }
  const call: Guard = async (action, on, act) => {
    try {
      return await act()
    } catch (error) {
      throw toCommandError(error, { action, on }, context)
    }
  }
  const lambda = new LambdaClient(settings)
  return {
    invoke: (name, input) =>
      call('lambda:InvokeFunction', name, async () => {
        const order = { FunctionName: name, Payload: Buffer.from(input) }
        const { Payload, FunctionError } = await lambda.send(new InvokeCommand(order))
        const text = Buffer.from(Payload ?? []).toString()
        return { text, hasFailed: FunctionError !== undefined }
      }),
    whoAmI: () =>
      call('sts:GetCallerIdentity', 'yourself', async () => {
        const { Arn = '' } = await new STSClient(settings).send(new GetCallerIdentityCommand({}))
        return Arn.split('/').at(-1) ?? ''
      }),
    ...openSecrets(new SecretsManagerClient(settings), call),
  }
}

/** From ~/.aws/config, or the file that AWS_CONFIG_FILE names. */
export const regionOfProfile = async (profile = 'default'): Promise<string | undefined> => {
  const { configFile } = await loadSharedConfigFiles()
  return configFile[profile]?.['region']
}
