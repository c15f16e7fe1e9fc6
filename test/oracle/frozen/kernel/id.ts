import { randomUUID } from 'node:crypto'
import * as z from 'zod'

/** `myapp`, `oc-lettings`: stands in URLs, container names and paths, hence the narrow alphabet. */
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

/** `sha256:` and 64 hex digits: the immutable name of an image. */
export const Digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .brand<'Digest'>()
export type Digest = z.infer<typeof Digest>

/** A revision is named by its commit, or by its digest where a tag carries no commit. */
export const RevisionId = z.union([Commit, Digest])
export type RevisionId = z.infer<typeof RevisionId>

/** `i-…` of EC2, `mi-…` of a hybrid machine; a service of Render, `srv-…`, is one instance. */
export const InstanceId = z
  .string()
  .regex(/^(m?i-[0-9a-f]{8,17}|srv-[a-z0-9]{1,60})$/)
  .brand<'InstanceId'>()
export type InstanceId = z.infer<typeof InstanceId>

/** A deployment's number within its app, from 1. 0 is "nothing of ours". */
export const Generation = z.number().int().nonnegative().brand<'Generation'>()
export type Generation = z.infer<typeof Generation>

/** The head's version that was written with an intent; every command carries it. */
export const Fence = z.number().int().nonnegative().brand<'Fence'>()
export type Fence = z.infer<typeof Fence>

/** Our own id of one webhook request. */
export const DeliveryId = z.uuid().brand<'DeliveryId'>()
export type DeliveryId = z.infer<typeof DeliveryId>

export const newDeliveryId = (): DeliveryId => DeliveryId.parse(randomUUID())

/** Marks one write, so that its writer tells a lost answer from a lost race. */
export const newNonce = (): string => randomUUID()
