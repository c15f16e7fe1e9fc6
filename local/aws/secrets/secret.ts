import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { AwsError } from '../operation.ts'

export const SecretVersion = z.object({
  id: z.string(),
  stages: z.array(z.string()),
  createdAt: z.iso.datetime(),
  text: z.string().optional(),
  /** base64 */
  binary: z.string().optional(),
})
export type SecretVersion = z.infer<typeof SecretVersion>

export const Secret = z.object({
  name: z.string(),
  arn: z.string(),
  description: z.string().optional(),
  /** Of the customer's key that it is encrypted with. */
  keyArn: z.string().optional(),
  tags: z.array(z.object({ Key: z.string(), Value: z.string() })),
  createdAt: z.iso.datetime(),
  changedAt: z.iso.datetime(),
  deletedAt: z.iso.datetime().optional(),
  versions: z.array(SecretVersion),
})
export type Secret = z.infer<typeof Secret>

export interface SecretContent {
  readonly text: string | undefined
  readonly binary: string | undefined
}

const without = (version: SecretVersion, stage: string): SecretVersion => ({
  ...version,
  stages: version.stages.filter((label) => label !== stage),
})

const withStage = (versions: readonly SecretVersion[], stage: string, id: string) =>
  versions.map((version) => {
    const rest = without(version, stage)
    return version.id === id ? { ...rest, stages: [...rest.stages, stage] } : rest
  })

/** Moves a label; where AWSCURRENT leaves a version, AWSPREVIOUS follows it there. */
export const moveStage = (
  versions: readonly SecretVersion[],
  stage: string,
  id: string,
): SecretVersion[] => {
  const holder = versions.find((version) => version.stages.includes(stage))
  const moved = withStage(versions, stage, id)
  if (stage !== 'AWSCURRENT' || holder === undefined || holder.id === id) return moved
  return withStage(moved, 'AWSPREVIOUS', holder.id).map((version) =>
    version.id === id ? without(version, 'AWSPREVIOUS') : version,
  )
}

export const removeStage = (
  versions: readonly SecretVersion[],
  stage: string,
  id: string,
): SecretVersion[] =>
  versions.map((version) => (version.id === id ? without(version, stage) : version))

/** A new version under `token`, or the one that this token made before: the call is idempotent. */
export const addVersion = (
  secret: Secret,
  content: SecretContent,
  token: string = randomUUID(),
  stages: readonly string[] = ['AWSCURRENT'],
): SecretVersion[] => {
  const existing = secret.versions.find((version) => version.id === token)
  if (existing && (existing.text !== content.text || existing.binary !== content.binary))
    throw new AwsError(
      'ResourceExistsException',
      `You can't use ClientRequestToken ${token} because that value is already in use for a version of secret ${secret.arn}.`,
    )
  const version: SecretVersion = {
    id: token,
    stages: [],
    createdAt: new Date().toISOString(),
    ...content,
  }
  const versions = existing ? secret.versions : [...secret.versions, version]
  return stages.reduce<SecretVersion[]>((all, stage) => moveStage(all, stage, token), versions)
}

export interface VersionQuery {
  readonly VersionId?: string | undefined
  readonly VersionStage?: string | undefined
}

export const findVersion = (secret: Secret, query: VersionQuery): SecretVersion => {
  const { VersionId: id, VersionStage: stage = id === undefined ? 'AWSCURRENT' : undefined } = query
  const found = secret.versions.find(
    (version) =>
      (id === undefined || version.id === id) &&
      (stage === undefined || version.stages.includes(stage)),
  )
  if (found) return found
  const asked = id === undefined ? `staging label: ${stage}` : `VersionId: ${id}`
  throw new AwsError(
    'ResourceNotFoundException',
    `Secrets Manager can't find the specified secret value for ${asked}`,
  )
}

export const toStages = (secret: Secret): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    secret.versions
      .filter((version) => version.stages.length > 0)
      .map((version) => [version.id, version.stages]),
  )
