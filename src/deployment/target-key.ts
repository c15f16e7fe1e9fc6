import { TargetKey } from '../kernel/id.ts'
import type { InstanceSelector } from './app.ts'

// What a target is known by, wherever it stands in landfall.yml: where it deploys to, not how.

/** By the tag; of several ids by the first written, since more are written behind it. */
export const keyOfFleet = (instances: InstanceSelector): TargetKey =>
  TargetKey.parse(
    `ec2:${instances.kind === 'tag' ? `${instances.key}=${instances.value}` : instances.ids[0]}`,
  )

export const keyOfService = (service: string): TargetKey => TargetKey.parse(`render:${service}`)

export const keyOfHerokuApp = (app: string): TargetKey => TargetKey.parse(`heroku:${app}`)
