import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import * as z from 'zod'

// A thread of its own, so that nothing the test or the stack does keeps it from looking.

const Data = z.object({ traces: z.record(z.string(), z.array(z.string())), app: z.string() })
const { traces, app } = Data.parse(workerData)

const gapMilliseconds = 4
const ownNamespace = readlinkSync('/proc/self/ns/pid')
/** Of the app's containers. */
const appNamespaces = new Set<string>()
const found: { readonly namespace: string; readonly where: string; readonly name: string }[] = []
const commands = new Set<string>()
let looks = 0
let longestGap = 0
let lastLook = performance.now()

/** What of a process can be read; nothing once it has ended. */
const read = (pid: string) => {
  try {
    return {
      namespace: readlinkSync(`/proc/${pid}/ns/pid`),
      command: readFileSync(`/proc/${pid}/cmdline`, 'latin1'),
      environment: readFileSync(`/proc/${pid}/environ`, 'latin1'),
    }
  } catch {
    return null
  }
}

const has = (text: string, forms: readonly string[]): boolean =>
  forms.some((form) => text.includes(form))

const look = (pids: readonly string[]): void => {
  for (const pid of pids) {
    const process = read(pid)
    if (process === null) continue
    const { namespace, command, environment } = process
    const isOfApp = environment.split('\0').includes(`LANDFALL_APP=${app}`)
    if (isOfApp && namespace !== ownNamespace) appNamespaces.add(namespace)
    const shown = command.split('\0').slice(0, 8).join(' ')
    commands.add(shown)
    for (const [name, forms] of Object.entries(traces)) {
      if (has(command, forms)) found.push({ namespace, where: `command line of ${shown}`, name })
      if (has(environment, forms)) found.push({ namespace, where: `environment of ${shown}`, name })
    }
  }
}

const listPids = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name))

// What ran before cannot have been given a value that was made later; its number may be given again.
const earlier = new Set(listPids())
const lookAtNew = (): void => {
  const pids = listPids()
  const current = new Set(pids)
  for (const pid of earlier) if (!current.has(pid)) earlier.delete(pid)
  look(pids.filter((pid) => !earlier.has(pid)))
  looks += 1
  longestGap = Math.max(longestGap, performance.now() - lastLook)
  lastLook = performance.now()
}

const timer = setInterval(lookAtNew, gapMilliseconds)
parentPort?.once('message', () => {
  clearInterval(timer)
  look(listPids())
  const [inApp, foreign] = [true, false].map((isOfApp) =>
    found
      .filter(({ namespace }) => appNamespaces.has(namespace) === isOfApp)
      .map(({ where, name }) => `${where}: ${name}`),
  )
  const result = {
    looks,
    longestGap,
    inApp: [...new Set(inApp)],
    foreign: [...new Set(foreign)],
    commands: [...commands],
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  parentPort?.postMessage(result)
})
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
parentPort?.postMessage('looking')
