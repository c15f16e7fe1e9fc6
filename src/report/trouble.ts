/** Something that somebody should look at: a static message, and where it happened. */
export interface Trouble {
  readonly message: string
  /** What was thrown, if anything was. */
  readonly error?: unknown
  /** `function`, `app`, `deployment`, `reason`: whatever of it is known. */
  readonly tags: Readonly<Record<string, string>>
}

export type Tell = (troubles: readonly Trouble[]) => Promise<void>
