/** Creates a value on first use and keeps it, so that importing costs nothing. A thrown failure is not kept: the next use tries again. A rejected promise is a value, and is kept. */
export const lazy = <Value>(create: () => Value): (() => Value) => {
  let made: { readonly value: Value } | null = null
  return () => (made ??= { value: create() }).value
}
