/** An error to investigate: a static message, and where it happened. */
export interface Trouble {
  readonly message: string
  /** What was thrown, if anything was. */
  readonly error?: unknown
  /** Of `function`, `app`, `deployment` and `reason` those that are known. */
  readonly tags: Readonly<Record<string, string>>
}

export type Tell = (troubles: readonly Trouble[]) => Promise<void>
