import * as z from 'zod'
import type { Account } from '../account.ts'
import { createResolver, type Resource, type Resources } from './intrinsics.ts'

const Template = z.object({
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Resources: z.record(
    z.string(),
    z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
  ),
})

export interface NamedResource extends Resource {
  readonly logicalId: string
}

/** A packaged CloudFormation template with its intrinsic functions resolved. */
export interface PackagedTemplate {
  list(type: string): readonly NamedResource[]
}

/** The template for stage `local`: the names it gives to things are the ones that the code uses. */
export const toTemplate = (text: string, account: Account): PackagedTemplate => {
  const { Resources: resources, Conditions: conditions } = Template.parse(JSON.parse(text))
  const resolve = createResolver(
    account,
    'landfall-local',
    resources satisfies Resources,
    conditions,
  )
  const Resolved = z.record(z.string(), z.unknown())
  return {
    list: (type) =>
      Object.entries(resources)
        .filter(([, resource]) => resource.Type === type)
        .map(([logicalId, resource]) => ({
          logicalId,
          Type: type,
          Properties: Resolved.parse(resolve(resource.Properties)),
        })),
  }
}
