import type { Course, Deploy, Pace } from './deploy.ts'
import type { ServiceType } from './schema.ts'

/** What its owner has set; a test changes it at any time. */
export interface ServiceSettings {
  /** `srv-…` */
  readonly id: string
  name: string
  type: ServiceType
  /** What it runs by default, such as `docker.io/acme/shop:latest`; null for one built from a repository. */
  imagePath: string | null
  /** `https://github.com/acme/shop`; null for one that runs an image. */
  repo: string | null
  autoDeploy: 'yes' | 'no'
  isSuspended: boolean
  /** Deleted: everything that is asked about it answers 410. */
  isGone: boolean
  /** Of its workspace: whether a new deploy cancels the one that runs, or waits for it. */
  overlap: 'override' | 'wait'
  /** Whether a deploy that waits for another is in the list already. */
  isWaitingListed: boolean
  /** A private image without a credential cannot be pulled. */
  isImagePrivate: boolean
  registryCredential: { readonly id: string; readonly name: string } | null
  /** What each tag means now; a digest means itself. */
  tags: Readonly<Record<string, string>>
  /** Decides what becomes of a deploy when it starts; null leaves it to the service. */
  courseOf: (deploy: Deploy) => Course | null
  pace: Pace
}

export const defaultSettings: Omit<ServiceSettings, 'id'> = {
  name: 'shop',
  type: 'web_service',
  imagePath: 'docker.io/acme/shop:latest',
  repo: null,
  autoDeploy: 'no',
  isSuspended: false,
  isGone: false,
  overlap: 'override',
  isWaitingListed: true,
  isImagePrivate: false,
  registryCredential: null,
  tags: {},
  courseOf: () => null,
  // Faster than Render, in its order.
  pace: { build: 1, update: 2, live: 4, giveUp: 900 },
}
