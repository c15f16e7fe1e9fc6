import { toInstant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { App } from '../deployment/app.ts'
import { dueFact, type Told } from '../deployment/facts.ts'
import type { Channel, OwedFact } from '../deployment/report.ts'
import { transition } from '../deployment/transition.ts'
import type { ReconcilePorts } from './ports.ts'
import { writeAnyhow } from './write.ts'

/** Whom an app tells. EventBridge is always told: it is there for whatever else there is. */
const channelsOf = ({ reports }: App): readonly Channel[] => [
  'event',
  ...(['notice', 'github', 'sentry'] as const).filter((channel) => reports[channel] !== null),
]

/** Claims the oldest fact that is due; null where nothing is, or another was faster. */
const claim = async (ports: ReconcilePorts, name: AppName): Promise<OwedFact | null> => {
  const head = await ports.heads.load(name)
  const now = toInstant(ports.clock())
  const fact = dueFact(head, now)
  if (fact === null) return null
  const step = transition(head, { kind: 'claimed', id: fact.id }, now)
  if (step.head === head) return null
  const written = await ports.heads.record(step.head, head.version)
  return written === 'recorded' ? fact : null
}

const tellFact = async (ports: ReconcilePorts, app: App, fact: OwedFact): Promise<Told> => {
  const left = channelsOf(app).filter((channel) => !fact.told.includes(channel))
  const tellings = await Promise.all(
    left.map(async (channel) => {
      const telling = await ports.tell(channel, fact, app).catch((error: unknown) => {
        ports.log.error('a report crashed', { app: app.name, channel, error })
        return { kind: 'later', why: 'it crashed', afterSeconds: null } as const
      })
      if (telling.kind !== 'told') {
        const level = telling.kind === 'later' ? 'warn' : 'error'
        ports.log[level]('a report was not told', { app: app.name, channel, why: telling.why })
      }
      return { channel, telling }
    }),
  )
  const later = tellings.flatMap(({ telling }) => (telling.kind === 'later' ? [telling] : []))
  return {
    id: fact.id,
    // What was refused is over, too.
    told: tellings.filter(({ telling }) => telling.kind !== 'later').map(({ channel }) => channel),
    isDone: later.length === 0,
    afterSeconds:
      later.length === 0 ? null : Math.max(...later.map((one) => one.afterSeconds ?? 0)),
  }
}

/**
 * Tells what is owed, the oldest first, each fact by whoever has claimed it. It runs beside the
 * deployment and never in its way: what fails stays owed until its own deadline.
 */
export const createTeller = (ports: ReconcilePorts, app: App | null, leaveAt: number) => {
  let running: Promise<void> | null = null
  let isWanted = false
  const run = async (): Promise<void> => {
    if (app === null) return
    while (ports.clock().getTime() < leaveAt) {
      const fact = await claim(ports, app.name)
      if (fact === null) return
      const told = await tellFact(ports, app, fact)
      await writeAnyhow(ports, app.name, { kind: 'told', told })
    }
  }
  const runSafely = async (): Promise<void> => {
    isWanted = false
    await run().catch((error: unknown) => {
      ports.log.warn('the reports were interrupted', { error: String(error) })
    })
    running = null
  }
  return {
    /** Something is owed: goes on in the background. */
    begin: (): void => {
      isWanted = true
      running ??= runSafely()
    },
    /** Waits for what is being told, and tells what has come since it began. */
    finish: async (): Promise<void> => {
      await running
      if (isWanted) await runSafely()
    },
  }
}
