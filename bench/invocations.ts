import * as z from 'zod'

/** What `invoker.ts` is to invoke: handlers in this process, in windows that take turns. */
export const InvokeOrder = z.object({
  handlers: z.array(
    z.object({
      name: z.string(),
      /** A file that exports `handler`. */
      file: z.string(),
      branch: z.string(),
      /** `202 recorded`, or empty for a handler without an answer. */
      answer: z.string(),
    }),
  ),
  secret: z.string(),
  repository: z.string(),
  /** Invoked before any window, as fast as eight at a time. */
  warmUp: z.number(),
  windows: z.number(),
  /** In each window. */
  count: z.number(),
  ratePerSecond: z.number(),
})
export type InvokeOrder = z.infer<typeof InvokeOrder>

/** One window of one handler. */
export const InvokeWindow = z.object({
  name: z.string(),
  /** From when each was due to its answer. */
  milliseconds: z.array(z.number()),
  /** Processor time of the process, for each invocation. */
  processorMilliseconds: z.number(),
})
export type InvokeWindow = z.infer<typeof InvokeWindow>

/** The windows, one after another, then null. */
export const InvokeMessage = z.union([z.object({ begun: z.string() }), InvokeWindow, z.null()])
