/** Made on first use and kept: importing costs nothing. What could not be made is made anew at the next use. */
export const lazy = <Value>(create: () => Value): (() => Value) => {
  let made: { readonly value: Value } | null = null
  return () => (made ??= { value: create() }).value
}
