const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const lookMilliseconds = 200

/** Calls `end` once the parent is another one: the one that started this process has ended. */
export const watchParent = (parent: () => number, end: () => void): void => {
  const first = parent()
  const timer = setInterval(() => {
    if (parent() === first) return
    clearInterval(timer)
    end()
  }, lookMilliseconds)
  timer.unref()
}

/**
 * Aborted when this process is told to end: by a signal, or because the npm that started it has ended,
 * even by SIGKILL, which npm cannot pass on. Without npm (`node local/start.ts &`, setsid) the parent may
 * end and the stack goes on.
 *
 * Further signals change nothing: on Ctrl-C one comes from the terminal and the same again from npm, and
 * the second must not cut short what the first one began.
 */
export const watchForEnd = (): AbortSignal => {
  const controller = new AbortController()
  const end = (): void => controller.abort()
  for (const signal of signals) process.on(signal, end)
  if (process.env['npm_lifecycle_event'] !== undefined) watchParent(() => process.ppid, end)
  return controller.signal
}
