import type { AppName } from '../kernel/id.ts'
import type { App } from '../deployment/app.ts'
import { dueNotice } from '../deployment/notices.ts'
import type { Channel, PendingNotice } from '../deployment/notice.ts'
import { decide } from '../deployment/transition.ts'
import type { NoticeOutcome } from '../deployment/observation.ts'
import type { ReconcilePorts } from './ports.ts'
import { updateLoaded, type Decide } from './update.ts'
import { writeAnyhow } from './write.ts'

/** Whom an app tells. EventBridge is always told: it is there for whatever else there is. */
const channelsOf = ({ reports }: App): readonly Channel[] => [
  'event',
  ...(['notice', 'github', 'sentry'] as const).filter((channel) => reports[channel] !== null),
]

const claimDue: Decide<PendingNotice | null> = (head, now) => {
  const fact = dueNotice(head, now)
  const decided = fact === null ? null : decide(head, { kind: 'notice_claimed', id: fact.id }, now)
  return { events: decided?.ok ? decided.value : [], value: fact }
}

/** Claims the oldest fact that is due; null where nothing is, or another was faster. */
const claim = async (ports: ReconcilePorts, name: AppName): Promise<PendingNotice | null> => {
  const updated = await updateLoaded(ports, await ports.heads.load(name), claimDue)
  return updated.kind === 'recorded' ? updated.value : null
}

const sendToChannels = async (
  ports: ReconcilePorts,
  app: App,
  fact: PendingNotice,
): Promise<NoticeOutcome> => {
  const left = channelsOf(app).filter((channel) => !fact.sentTo.includes(channel))
  const tellings = await Promise.all(
    left.map(async (channel) => {
      const telling = await ports.sendNotice(channel, fact, app).catch((error: unknown) => {
        ports.log.error('a report crashed', { app: app.name, channel, error })
        return { kind: 'later', why: 'it crashed', afterSeconds: null } as const
      })
      if (telling.kind !== 'sent') {
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
    sentTo: tellings
      .filter(({ telling }) => telling.kind !== 'later')
      .map(({ channel }) => channel),
    isDone: later.length === 0,
    afterSeconds:
      later.length === 0 ? null : Math.max(...later.map((one) => one.afterSeconds ?? 0)),
  }
}

/**
 * Tells what is owed, the oldest first, each fact by whoever has claimed it. It runs beside the
 * deployment and never in its way: what fails stays owed until its own deadline.
 */
export const createNotifier = (ports: ReconcilePorts, app: App | null, leaveAt: number) => {
  let running: Promise<void> | null = null
  let isWanted = false
  const run = async (): Promise<void> => {
    if (app === null) return
    while (ports.clock().getTime() < leaveAt) {
      const fact = await claim(ports, app.name)
      if (fact === null) return
      const outcome = await sendToChannels(ports, app, fact)
      await writeAnyhow(ports, app.name, { kind: 'notice_sent', outcome })
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
