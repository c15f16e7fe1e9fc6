/** The demo app in the registry. */
export interface Release {
  /** `localhost:5000/rivals/app` */
  readonly image: string
  readonly digest: string
}

/** A proxy in front of the app, or the app alone. */
export interface Server {
  readonly name: string
  readonly version: string
  /** Where a client in another network reaches it. */
  readonly url: string
  /** Resolves at the end of the order, which `onOrder` says to begin. */
  deploy(release: Release, onOrder?: () => void): Promise<void>
  /** None where the app is alone. */
  readonly proxy: string | null
  readonly app: () => string
}

export const own = 'Landfall'
export const bare = 'bare'
