import type { AppName } from '../kernel/id.ts'
import type { App } from '../deployment/app.ts'
import { dueNotice } from '../deployment/notices.ts'
import type { Channel, PendingNotice } from '../deployment/notice.ts'
import { decide } from '../deployment/transition.ts'
import type { NoticeOutcome } from '../deployment/observation.ts'
import type { ReconcilePorts } from './ports.ts'
import { updateLoaded } from './update.ts'
import { writeAnyhow } from './write.ts'

/** EventBridge gets every notice, whatever else an app reports to. */
const channelsOf = ({ reports }: App): readonly Channel[] => [
  'event',
  ...(['notice', 'github', 'sentry'] as const).filter((channel) => reports[channel] !== null),
]

/** Claims the oldest due notice; null where none is due, or another run was faster. */
const claimDue = async (ports: ReconcilePorts, name: AppName): Promise<PendingNotice | null> => {
  const loaded = await ports.heads.load(name)
  const updated = await updateLoaded(ports, loaded, (head, now) => {
    const notice = dueNotice(head, now)
    const decided =
      notice === null ? null : decide(head, { kind: 'notice_claimed', id: notice.id }, now)
    return { events: decided?.ok ? decided.value : [], value: notice }
  })
  return updated.kind === 'recorded' ? updated.value : null
}

const sendToChannels = async (
  ports: ReconcilePorts,
  app: App,
  notice: PendingNotice,
): Promise<NoticeOutcome> => {
  const left = channelsOf(app).filter((channel) => !notice.sentTo.includes(channel))
  const results = await Promise.all(
    left.map(async (channel) => {
      const result = await ports.sendNotice(channel, notice, app).catch((error: unknown) => {
        ports.log.error('reporter crashed', { app: app.name, channel, error })
        return { kind: 'later', why: 'it crashed', afterSeconds: null } as const
      })
      if (result.kind !== 'sent') {
        const level = result.kind === 'later' ? 'warn' : 'error'
        ports.log[level]('failed to send notice', { app: app.name, channel, why: result.why })
      }
      return { channel, result }
    }),
  )
  const later = results.flatMap(({ result }) => (result.kind === 'later' ? [result] : []))
  return {
    id: notice.id,
    // A refused notice is not sent again, so it counts as sent.
    sentTo: results.filter(({ result }) => result.kind !== 'later').map(({ channel }) => channel),
    isDone: later.length === 0,
    afterSeconds:
      later.length === 0 ? null : Math.max(...later.map((one) => one.afterSeconds ?? 0)),
  }
}

/**
 * Sends the head's notices, the oldest first, each by the run that has claimed it. It runs beside the
 * deployment and never delays it: a failed notice is kept until its own deadline.
 */
export const createNotifier = (ports: ReconcilePorts, app: App | null, leaveAt: number) => {
  let running: Promise<void> | null = null
  let isWanted = false
  const sendAll = async (): Promise<void> => {
    if (app === null) return
    while (ports.clock().getTime() < leaveAt) {
      const notice = await claimDue(ports, app.name)
      if (notice === null) return
      const outcome = await sendToChannels(ports, app, notice)
      await writeAnyhow(ports, app.name, { kind: 'notice_sent', outcome })
    }
  }
  const run = async (): Promise<void> => {
    isWanted = false
    await sendAll().catch((error: unknown) => {
      ports.log.warn('notifier interrupted', { error: String(error) })
    })
    running = null
  }
  return {
    /** There are notices to send: starts in the background. */
    begin: (): void => {
      isWanted = true
      running ??= run()
    },
    /** Waits for the notice that is being sent, and sends those that have come since. */
    finish: async (): Promise<void> => {
      await running
      if (isWanted) await run()
    },
  }
}
