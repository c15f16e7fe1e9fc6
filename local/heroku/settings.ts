import type { Course, Images, Release } from './release.ts'

/** What the app's owner has set; a test changes it at any time. */
export interface HerokuAppSettings {
  name: string
  stack: 'container' | 'heroku-24'
  isMaintenance: boolean
  /** By Heroku: everything that is asked about the app is answered 403. */
  isSuspended: boolean
  /** The token's account has no access to the app. */
  isForbidden: boolean
  /** Deleted. */
  isGone: boolean
  tier: 'eco' | 'basic' | 'standard-1x'
  /** New web dynos start beside the old ones; Eco and Basic dynos take no notice of it. */
  hasPreboot: boolean
  /** How many dynos each process type has; 0 for a type that is not named. */
  quantities: Readonly<Record<string, number>>
  /** Decides what becomes of a release when it is made; null leaves it to the app. */
  courseOf: (release: Release) => Course | null
  /**
   * The description of a release of images. For one image this is what Heroku's logs show; for several
   * nothing that is published does, and the default is a guess.
   */
  describe: (images: Images) => string
}

export const defaultSettings: Omit<HerokuAppSettings, 'name'> = {
  stack: 'container',
  isMaintenance: false,
  isSuspended: false,
  isForbidden: false,
  isGone: false,
  tier: 'basic',
  hasPreboot: false,
  quantities: { web: 1 },
  courseOf: () => null,
  describe: (images) => {
    const named = Object.entries(images).map(([type, image]) => `${type} (${image.slice(7, 19)})`)
    return `Deployed ${named.join(', ')}`
  },
}
