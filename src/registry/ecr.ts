import type { Instant } from '../kernel/clock.ts'
import type { Reason } from '../kernel/reason.ts'
import type { EcrRegistry } from '../secrets/app-secret.ts'

/** A tag was pushed to a repository of ECR; empty where an image was pushed by its digest alone. */
export interface EcrPush extends Pick<EcrRegistry, 'account' | 'region'> {
  readonly repository: string
  readonly tag: string
  readonly pushedAt: Instant
}

/**
 * Reads `123456789012.dkr.ecr.eu-west-3.amazonaws.com`, in China too, with FIPS or dual-stack (ECR user guide, "Amazon ECR
 * endpoints"); null for any other registry, and for `public.ecr.aws`, which has a token service as others have.
 */
export const parseEcr = (host: string): EcrRegistry | null => {
  const name =
    /^(\d{12})\.dkr(?:\.ecr|-ecr)(-fips)?\.([a-z]{2}(?:-[a-z]+){1,3}-\d{1,2})\.(.+)$/.exec(host)
  const domains = ['amazonaws.com', 'amazonaws.com.cn', 'on.aws', 'on.amazonwebservices.com.cn']
  const [, account = '', fips, region = '', domain = ''] = name ?? []
  return domains.includes(domain) ? { account, region, isFips: fips !== undefined } : null
}

/**
 * What puts a refusal of ECR right. Its own text names roles and accounts, and is not passed on.
 *
 * @param path what was asked for: `manifests/v1`, `blobs/sha256:…`
 */
export const explainEcr = (
  { account, region }: EcrRegistry,
  repository: string,
  path: string,
  reason: Reason,
): string | null => {
  const where = `the repository ${repository} of account ${account} in ${region}`
  if (reason === 'image_missing')
    return `Amazon ECR does not have it: was it pushed, and is there ${where}?`
  if (reason !== 'registry_unauthorized') return null
  const action = path.startsWith('blobs/') ? 'ecr:GetDownloadUrlForLayer' : 'ecr:BatchGetImage'
  return `Amazon ECR refuses ${action} on ${where}: the functions have it for the images of landfall.yml, unless a permissions boundary or a policy of the organization takes it away; if the repository is another account's, its policy must allow this account ecr:BatchGetImage and ecr:GetDownloadUrlForLayer`
}
