/** Creates a value on first use and keeps it, so that importing costs nothing. A failure is not kept: the next use tries again. */
export const lazy = <Value>(create: () => Value): (() => Value) => {
  let made: { readonly value: Value } | null = null
  return () => (made ??= { value: create() }).value
}
