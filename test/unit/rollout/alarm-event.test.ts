import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createHead, type Head } from '../../../src/deployment/head.ts'
import type { AppName } from '../../../src/kernel/id.ts'
import { lambda } from '../../../src/lambda.ts'
import { createJudgeAlarmEvent } from '../../../src/rollout/alarm-event.ts'
import type { Log } from '../../../src/kernel/log.ts'
import { appOf } from '../../support/apps.ts'
import { live } from '../../support/core.ts'

const now = new Date('2026-11-20T10:05:00.000Z')
const rollback = { alarms: ['balancer-5xx'], windowSeconds: 1800, secrets: 'recorded' } as const
const apps = ['blog', 'shop', 'wiki'].map((name) => appOf(name, { rollback }))

const event = {
  source: 'aws.cloudwatch',
  detail: {
    alarmName: 'balancer-5xx',
    previousState: { value: 'OK' },
    state: { timestamp: '2026-11-20T10:04:40.989+0000', value: 'ALARM' },
  },
}

type Trouble = Readonly<Partial<Record<'load' | 'record' | 'auditLog' | 'nudge', string>>>

/** Two releases of each app were live; `trouble` names the app of which a call fails. */
const createHandler = (trouble: Trouble) => {
  const heads = new Map<AppName, Head>(
    apps.map(({ name }) => [name, { ...live(1, 1, 2).stored, app: name }]),
  )
  const nudged: string[] = []
  const check = (call: keyof Trouble, app: AppName): void => {
    if (trouble[call] === app) throw new Error(`no ${call} of ${app}`)
  }
  const compose = (log: Log) =>
    createJudgeAlarmEvent({
      heads: {
        load: async (app) => {
          check('load', app)
          // The others take their time, as the journal does.
          await setImmediate()
          return heads.get(app) ?? createHead(app)
        },
        record: async (head) => {
          check('record', head.app)
          heads.set(head.app, head)
          return 'recorded'
        },
      },
      auditLog: { recordAlarm: async (app) => check('auditLog', app) },
      nudge: async (app) => {
        check('nudge', app)
        nudged.push(app)
      },
      apps,
      clock: () => now,
      log,
    })
  const takenBack = () =>
    [...heads].filter(([, { rollback }]) => rollback !== null).map(([app]) => app)
  const handle = lambda('alarm', compose, (services, sent) => services()(sent))
  return { handle, nudged, takenBack }
}

const lines: string[] = []
beforeEach(() => {
  lines.length = 0
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    lines.push(String(line))
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe('an alarm that several apps share', () => {
  it('rolls back each app that names the alarm, and nudges reconcile for each', async () => {
    const { handle, nudged, takenBack } = createHandler({})
    const judged = await handle(event)
    expect(judged.map(({ app, verdict }) => [app, verdict.kind])).toEqual([
      ['blog', 'take_back'],
      ['shop', 'take_back'],
      ['wiki', 'take_back'],
    ])
    expect(takenBack()).toEqual(['blog', 'shop', 'wiki'])
    expect(nudged.toSorted()).toEqual(['blog', 'shop', 'wiki'])
  })

  it.each([
    ['read', 'load'],
    ['written', 'record'],
  ] as const)(
    'rolls back the other apps where the head of one cannot be %s, and throws, so that Lambda retries',
    async (_name, call) => {
      const { handle, nudged, takenBack } = createHandler({ [call]: 'blog' })
      await expect(handle(event)).rejects.toThrow(`no ${call} of blog`)
      expect(takenBack()).toEqual(['shop', 'wiki'])
      expect(nudged).toEqual(expect.arrayContaining(['shop', 'wiki']))
      const errors = lines.filter((line) => line.includes('"level":"error"'))
      expect(errors.map((line): unknown => JSON.parse(line))).toMatchObject([
        { message: 'failed to judge alarm', app: 'blog', error: `Error: no ${call} of blog` },
      ])
    },
  )

  it('rolls an app back and nudges reconcile although the verdict cannot be recorded', async () => {
    const { handle, nudged, takenBack } = createHandler({ auditLog: 'shop' })
    await expect(handle(event)).rejects.toThrow('no auditLog of shop')
    expect(takenBack()).toEqual(['blog', 'shop', 'wiki'])
    expect(nudged.toSorted()).toEqual(['blog', 'shop', 'wiki'])
  })

  it('judges an alarm for all apps where one nudge fails', async () => {
    const { handle, takenBack } = createHandler({ nudge: 'blog' })
    expect(await handle(event)).toHaveLength(3)
    expect(takenBack()).toEqual(['blog', 'shop', 'wiki'])
  })
})
