import type { Channel, Notice, SendResult } from '../../../src/deployment/notice.ts'
import type { AlarmTransition, Verdict } from '../../../src/deployment/observation.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import { succeed } from '../../../src/kernel/result.ts'
import type { ReconcilePorts } from '../../../src/rollout/ports.ts'
import type { SecretFailure } from '../../../src/secrets/app-secret.ts'
import type { Call } from '../calls.ts'
import { failedSecret } from '../failed-secret.ts'
import type { WorldClock } from './clock.ts'

/** The channels, the alarms and the secrets of an app. */
export const createChannels = (clock: WorldClock) => {
  const heard: { readonly channel: Channel; readonly fact: Notice; readonly at: string }[] = []
  let answerTelling: (channel: Channel, fact: Notice) => SendResult = () => ({ kind: 'sent' })
  const judged: { readonly transition: AlarmTransition; readonly verdict: Verdict }[] = []
  const firing = new Map<string, string>()
  const missingAlarms = new Set<string>()
  let isCloudWatchDown = false
  let currentSecret = 'version-1'
  const goneSecrets = new Set<string>()
  let secretTrouble: SecretFailure['reason'] | null = null

  const tell = (channel: Channel, fact: Notice): SendResult => {
    const telling = answerTelling(channel, fact)
    if (telling.kind === 'sent') heard.push({ channel, fact, at: clock.instant() })
    return telling
  }

  const readAlarms = (names: readonly string[]) => {
    if (isCloudWatchDown) throw new Retryable('CloudWatch is down')
    return names
      .filter((alarm) => !missingAlarms.has(alarm))
      .map((alarm) => ({ alarm, at: firing.get(alarm) ?? null }))
  }

  const readable = <Value>(read: () => Value): Value => {
    if (secretTrouble !== null) throw new Retryable('Secrets Manager is down')
    return read()
  }

  const toPorts = (
    call: Call,
  ): Pick<
    ReconcilePorts,
    'readSecretVersion' | 'hasSecretVersion' | 'readAlarms' | 'auditLog' | 'sendNotice'
  > => ({
    readSecretVersion: () =>
      call('readSecretVersion', () =>
        secretTrouble === null ? succeed(currentSecret) : failedSecret(secretTrouble),
      ),
    hasSecretVersion: (_name, version) =>
      call('hasSecretVersion', () => readable(() => !goneSecrets.has(version))),
    readAlarms: (names) => call('readAlarms', () => readAlarms(names)),
    auditLog: {
      recordAlarm: (_app, transition, verdict) =>
        call('auditLog.recordAlarm', () => {
          judged.push({ transition, verdict })
        }),
    },
    sendNotice: (channel, fact) => call('tell', () => tell(channel, fact)),
  })

  return {
    toPorts,
    canReadSecrets: () => secretTrouble === null,
    controls: {
      /** The notices that the channels received, in order. */
      heard,
      judged,
      firing,
      missingAlarms,
      goneSecrets,
      setTelling: (answer: typeof answerTelling) => {
        answerTelling = answer
      },
      setCloudWatch: (isUp: boolean) => {
        isCloudWatchDown = !isUp
      },
      setSecret: (version: string) => {
        currentSecret = version
      },
      /** Whether any secret can be read; a new container cannot be had without. */
      setSecrets: (areUp: boolean) => {
        secretTrouble = areUp ? null : 'secret_unavailable'
      },
      /** What Secrets Manager answers from now on; null where it hands secrets out. */
      setSecretTrouble: (trouble: typeof secretTrouble) => {
        secretTrouble = trouble
      },
    },
  }
}
