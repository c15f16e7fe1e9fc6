import { TargetKey } from '../kernel/id.ts'
import type { TargetFile } from './schema.ts'

/** By the tag; of several ids by the first written, since more are written behind it. */
const nameInstances = ({ tag, ids }: NonNullable<TargetFile['ec2']>['instances']): string =>
  tag ?? ids?.[0] ?? '-'

/** What a target is known by, wherever it stands in the file: where it deploys to, not how. */
export const toTargetKey = ({ ec2, render, heroku }: TargetFile): TargetKey =>
  TargetKey.parse(
    ec2
      ? `ec2:${nameInstances(ec2.instances)}`
      : render
        ? `render:${render.service}`
        : `heroku:${heroku?.app ?? '-'}`,
  )
