interface Stoppable {
  stop(): void | Promise<void>
}

/** What was started is stopped in the opposite order, once, whatever fails on the way. */
export const createStops = (ending: AbortSignal | undefined) => {
  const started: Stoppable[] = []
  return {
    keep: <Started extends Stoppable>(one: Started): Started => {
      started.push(one)
      ending?.throwIfAborted()
      return one
    },
    run: async (): Promise<void> => {
      for (let one = started.pop(); one; one = started.pop())
        await Promise.resolve(one.stop()).catch(() => undefined)
    },
  }
}
export type Stops = ReturnType<typeof createStops>
