import * as z from 'zod'
import { SentInstant, SentText } from './source.ts'

/**
 * ECR's event of a completed push (ECR user guide, "Sample events from Amazon ECR"). EventBridge takes events of `aws.ecr` from
 * ECR only, and says whose they are. A hint as a Docker Hub hook is: its digest is not read.
 */
export const EcrPushEvent = z
  .object({
    source: z.literal('aws.ecr'),
    'detail-type': z.literal('ECR Image Action'),
    account: SentText,
    region: SentText,
    time: SentInstant,
    detail: z.object({
      result: z.literal('SUCCESS'),
      'action-type': z.literal('PUSH'),
      'repository-name': SentText,
      'image-tag': SentText.default(''),
    }),
  })
  .transform(({ account, region, time: pushedAt, detail }) => ({
    account,
    region,
    repository: detail['repository-name'],
    tag: detail['image-tag'],
    pushedAt,
  }))
