import * as z from 'zod'
import { AwsError, operation, paginate, type Operations } from '../operation.ts'
import {
  addVersion,
  findVersion,
  moveStage,
  removeStage,
  toStages,
  type Secret,
  type SecretContent,
} from './secret.ts'
import type { SecretStore } from './store.ts'

const SecretId = z.object({ SecretId: z.string().min(1).max(2048) })
const Tags = z.array(z.object({ Key: z.string(), Value: z.string().default('') })).default([])
const Content = z.object({
  SecretString: z.string().optional(),
  SecretBinary: z.string().optional(),
  ClientRequestToken: z.string().min(32).max(64).optional(),
})
const maxContentBytes = 65_536

const toContent = (input: z.infer<typeof Content>): SecretContent => {
  const { SecretString: text, SecretBinary: binary } = input
  const size = Buffer.byteLength(text ?? '') + Buffer.byteLength(binary ?? '', 'base64')
  if (size > maxContentBytes)
    throw new AwsError('ValidationException', 'The secret value is longer than 65536 bytes.')
  return { text, binary }
}

const hasContent = (input: z.infer<typeof Content>): boolean =>
  input.SecretString !== undefined || input.SecretBinary !== undefined

const describe = (secret: Secret) => ({
  ARN: secret.arn,
  Name: secret.name,
  Description: secret.description,
  CreatedDate: new Date(secret.createdAt),
  LastChangedDate: new Date(secret.changedAt),
  DeletedDate: secret.deletedAt === undefined ? undefined : new Date(secret.deletedAt),
  Tags: secret.tags,
})

const readOperations = (store: SecretStore): Operations => ({
  GetSecretValue: operation(
    SecretId.extend({ VersionId: z.string().optional(), VersionStage: z.string().optional() }),
    (input) => {
      const secret = store.use(input.SecretId)
      const version = findVersion(secret, input)
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: version.id,
        SecretString: version.text,
        SecretBinary: version.binary,
        VersionStages: version.stages,
        CreatedDate: new Date(version.createdAt),
      }
    },
  ),
  DescribeSecret: operation(SecretId, (input) => {
    const secret = store.find(input.SecretId)
    return { ...describe(secret), VersionIdsToStages: toStages(secret) }
  }),
  ListSecrets: operation(
    z.object({
      MaxResults: z.number().int().min(1).max(100).default(100),
      NextToken: z.string().optional(),
      IncludePlannedDeletion: z.boolean().default(false),
      Filters: z.array(z.object({ Key: z.string(), Values: z.array(z.string()) })).default([]),
    }),
    (input) => {
      const names = input.Filters.filter(({ Key }) => Key === 'name')
      const shown = store
        .list()
        .filter(({ deletedAt }) => input.IncludePlannedDeletion || deletedAt === undefined)
        .filter(({ name }) =>
          names.every(({ Values }) => Values.some((prefix) => name.startsWith(prefix))),
        )
      const { page, next } = paginate(shown, input.MaxResults, input.NextToken)
      const SecretList = page.map((secret) => ({
        ...describe(secret),
        SecretVersionsToStages: toStages(secret),
      }))
      return { SecretList, NextToken: next }
    },
  ),
})

const writeOperations = (store: SecretStore): Operations => ({
  CreateSecret: operation(
    Content.extend({
      Name: z.string().min(1),
      Description: z.string().optional(),
      // An ARN; that KMS encrypts with it is not imitated.
      KmsKeyId: z.string().startsWith('arn:').optional(),
      Tags,
    }),
    (input) => {
      const content = toContent(input)
      const facts = { description: input.Description, tags: input.Tags, keyArn: input.KmsKeyId }
      const secret = store.create(input.Name, facts)
      if (!hasContent(input)) return { ARN: secret.arn, Name: secret.name }
      const versions = addVersion(secret, content, input.ClientRequestToken)
      store.change(secret, { versions })
      return { ARN: secret.arn, Name: secret.name, VersionId: versions.at(-1)?.id }
    },
  ),
  PutSecretValue: operation(
    Content.extend({ VersionStages: z.array(z.string()).optional() }).extend(SecretId.shape),
    (input) => {
      const secret = store.use(input.SecretId)
      const { ClientRequestToken: token, VersionStages: stages } = input
      const versions = addVersion(secret, toContent(input), token, stages)
      store.change(secret, { versions })
      const version = versions.find(({ id }) => id === token) ?? versions.at(-1)
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: version?.id,
        VersionStages: version?.stages,
      }
    },
  ),
  UpdateSecret: operation(
    Content.extend({ Description: z.string().optional() }).extend(SecretId.shape),
    (input) => {
      const secret = store.use(input.SecretId)
      const facts = { description: input.Description ?? secret.description }
      if (!hasContent(input)) {
        store.change(secret, facts)
        return { ARN: secret.arn, Name: secret.name }
      }
      const versions = addVersion(secret, toContent(input), input.ClientRequestToken)
      store.change(secret, { ...facts, versions })
      return { ARN: secret.arn, Name: secret.name, VersionId: versions.at(-1)?.id }
    },
  ),
})

const recoveryDays = 30

const stageOperations = (store: SecretStore): Operations => ({
  UpdateSecretVersionStage: operation(
    SecretId.extend({
      VersionStage: z.string(),
      RemoveFromVersionId: z.string().optional(),
      MoveToVersionId: z.string().optional(),
    }),
    (input) => {
      const secret = store.use(input.SecretId)
      const { VersionStage: stage, RemoveFromVersionId: from, MoveToVersionId: to } = input
      const holder = secret.versions.find(({ stages }) => stages.includes(stage))
      if (holder && holder.id !== to && holder.id !== from)
        throw new AwsError(
          'InvalidParameterException',
          `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
        )
      if (to !== undefined) findVersion(secret, { VersionId: to })
      if (from !== undefined) findVersion(secret, { VersionId: from, VersionStage: stage })
      const versions =
        to === undefined
          ? removeStage(secret.versions, stage, from ?? '')
          : moveStage(secret.versions, stage, to)
      store.change(secret, { versions })
      return { ARN: secret.arn, Name: secret.name }
    },
  ),
  DeleteSecret: operation(
    SecretId.extend({
      RecoveryWindowInDays: z.number().int().min(7).max(30).default(recoveryDays),
      ForceDeleteWithoutRecovery: z.boolean().default(false),
    }),
    (input) => {
      const secret = store.find(input.SecretId)
      const days = input.ForceDeleteWithoutRecovery ? 0 : input.RecoveryWindowInDays
      const at = new Date(Date.now() + days * 86_400_000)
      if (input.ForceDeleteWithoutRecovery) store.remove(secret)
      else store.change(secret, { deletedAt: at.toISOString() })
      return { ARN: secret.arn, Name: secret.name, DeletionDate: at }
    },
  ),
})

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/ */
export const createSecretOperations = (store: SecretStore): Operations => ({
  ...readOperations(store),
  ...writeOperations(store),
  ...stageOperations(store),
})
