import { randomBytes, randomUUID } from 'node:crypto'
import * as z from 'zod'

/** `myapp`, `oc-lettings`: part of URLs, container names and paths, hence the narrow alphabet. */
export const AppName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,38}[a-z0-9]$/)
  .brand<'AppName'>()
export type AppName = z.infer<typeof AppName>

/** The 40 lower-case hex digits of a git commit. */
export const Commit = z
  .string()
  .regex(/^[0-9a-f]{40}$/)
  .brand<'Commit'>()
export type Commit = z.infer<typeof Commit>

/** `sha256:` and 64 hex digits: the immutable id of an image. */
export const Digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .brand<'Digest'>()
export type Digest = z.infer<typeof Digest>

/** The commit of a revision, or its digest where the tag contains no commit. */
export const RevisionId = z.union([Commit, Digest])
export type RevisionId = z.infer<typeof RevisionId>

/** `i-…` of EC2, `mi-…` of a hybrid machine; a service of Render, `srv-…`, and an app of Heroku are one instance each. */
export const InstanceId = z
  .string()
  .regex(/^(m?i-[0-9a-f]{8,17}|srv-[a-z0-9]{1,60}|heroku:[a-z][a-z0-9-]{1,28}[a-z0-9])$/)
  .brand<'InstanceId'>()
export type InstanceId = z.infer<typeof InstanceId>

/** Identifies a target of an app, whatever its position in landfall.yml: `ec2:Name=lettings`, `render:srv-abc123`. */
export const TargetKey = z
  .string()
  .regex(/^[a-z0-9-]+:./)
  .brand<'TargetKey'>()
export type TargetKey = z.infer<typeof TargetKey>

/** A deployment's number within its app, from 1. 0 means that Landfall deployed nothing. */
export const Generation = z.number().int().nonnegative().brand<'Generation'>()
export type Generation = z.infer<typeof Generation>

/** The version of the head that was written with an intent; every command carries it. */
export const Fence = z.number().int().nonnegative().brand<'Fence'>()
export type Fence = z.infer<typeof Fence>

/** Landfall's own id of one webhook request. */
export const DeliveryId = z.uuid().brand<'DeliveryId'>()
export type DeliveryId = z.infer<typeof DeliveryId>

export const newDeliveryId = (): DeliveryId => DeliveryId.parse(randomUUID())

/** Marks one write, so that its writer can tell a lost answer from a lost race. */
export const newNonce = (): string => randomUUID()

/** 256 random bits as 43 characters that a URL and a cookie take: a secret that is compared by its hash. */
export const newToken = (): string => randomBytes(32).toString('base64url')

/** GitHub and registries ignore the case of the names of repositories. */
export const isSameName = (one: string, other: string): boolean =>
  one.toLowerCase() === other.toLowerCase()
