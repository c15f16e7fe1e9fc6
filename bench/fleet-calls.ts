import type { Faults } from '../local/aws/index.ts'

/** How often each API was called: `ssm:SendCommand`, in the order of names. */
export type Calls = ReadonlyMap<string, number>

export const countOf = (calls: Calls, name: string): number => calls.get(name) ?? 0

/** Of what costs a call of AWS; how often `reconcile` woke is counted beside it. */
export const sumOf = (calls: Calls): number =>
  [...calls].reduce((total, [name, count]) => (name === woken ? total : total + count), 0)

export const woken = 'reconcile woken'

export interface CallCounter {
  /** What is called until it has ended. */
  during(act: () => Promise<void>): Promise<Calls>
  /** Milliseconds since the last call. */
  quietFor(): number
  /** What is called meanwhile is not counted and disturbs no quiet: a look from outside. */
  aside<Value>(look: () => Promise<Value>): Promise<Value>
  /** Nudges of `webhook` are kept from running while this is a list, and put into it. */
  held: unknown[] | null
  /** Functions that a nudge or an event woke and that have not ended. */
  readonly running: () => number
}

/** EC2's protocol names the operation in the body; this one is all that Landfall asks of it. */
const ec2Operation = 'DescribeInstances'

/** Counts at the HTTP endpoint, so that a page of a listing and a repetition of the SDK are calls too. */
export const countCalls = (
  faults: Faults,
  wake: (name: string, payload: unknown) => Promise<unknown>,
): CallCounter => {
  let calls = new Map<string, number>()
  let lastAt = Date.now()
  let running = 0
  let looks = 0
  const count = (name: string): void => {
    if (looks > 0) return
    lastAt = Date.now()
    calls.set(name, (calls.get(name) ?? 0) + 1)
  }
  faults.onCall = ({ service, operation }) => {
    count(`${service}:${operation === '' && service === 'ec2' ? ec2Operation : operation}`)
    return null
  }
  faults.onAsyncInvoke = (name, payload) => {
    if (counter.held === null) {
      count(woken)
      running += 1
      void wake(name, payload).finally(() => (running -= 1))
    } else counter.held.push(payload)
    // Run here, so that its end is known.
    return 'lose'
  }
  const counter: CallCounter = {
    held: null,
    running: () => running,
    quietFor: () => Date.now() - lastAt,
    aside: async (look) => {
      looks += 1
      try {
        return await look()
      } finally {
        looks -= 1
      }
    },
    during: async (act) => {
      calls = new Map()
      await act()
      return new Map([...calls].sort(([one], [other]) => one.localeCompare(other)))
    },
  }
  return counter
}
