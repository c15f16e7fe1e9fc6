import { describe, expect, it, vi } from 'vitest'
import type { Log, LogFields } from '../../../src/kernel/log.ts'
import { AppName, type InstanceId } from '../../../src/kernel/id.ts'
import { Denied } from '../../../src/kernel/denied.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import type { FleetScan } from '../../../src/rollout/journal.ts'
import type { Nudge } from '../../../src/rollout/ports.ts'
import { createWake } from '../../../src/rollout/wake.ts'
import { appOf } from '../../support/apps.ts'
import { instanceAt, start } from '../../support/deployments.ts'
import { commitAt } from '../../support/examples.ts'
import { ec2 } from '../../support/examples.ts'

const selected = ec2({ instances: { kind: 'tag', key: 'Name', value: 'shop' } })
const shop = appOf('shop', { targets: [selected] })
const blog = appOf('blog', { targets: [selected] })
const gone = AppName.parse('gone')

interface Given {
  readonly open?: readonly AppName[]
  /** What reconcile throws, by app. */
  readonly errors?: Readonly<Record<string, Error>>
  readonly listPresent?: () => Promise<readonly InstanceId[]>
  readonly renewalError?: Error | null
}

const createWorld = ({
  open = [],
  errors = {},
  listPresent = async () => [],
  renewalError = null,
}: Given = {}) => {
  const looked: Nudge[] = []
  const ended: AppName[] = []
  const logged: (readonly [level: string, fields: LogFields | undefined])[] = []
  let lastScan: FleetScan = { online: [], asked: { shop: start, blog: start } }
  const record = vi.fn(async (next: FleetScan) => void (lastScan = next))
  const log: Log = {
    info: () => undefined,
    warn: (_message, fields) => void logged.push(['warn', fields]),
    error: (_message, fields) => void logged.push(['error', fields]),
    with: () => log,
  }
  let renewals = 0
  const wake = createWake({
    reconcile: async (nudge) => {
      looked.push(nudge)
      const error = errors[nudge.app]
      if (error !== undefined) throw error
      await new Promise(setImmediate)
      ended.push(nudge.app)
    },
    heads: { listOpen: async () => open },
    commands: { findApp: async (command) => (command === 'c-1' ? shop.name : null) },
    takePush: async ({ repository }) =>
      repository === 'acme/shop'
        ? [
            { app: shop.name, revision: commitAt(1) },
            { app: blog.name, revision: null },
          ]
        : [],
    apps: [shop, blog],
    listPresent: async () =>
      (await listPresent()).map((id) => ({ id, isOnline: true, tags: { Name: 'shop' } })),
    fleetScans: { load: async () => lastScan, record },
    renewProxies: async () => {
      renewals += 1
      if (renewalError !== null) throw renewalError
    },
    clock: () => new Date(start),
    log,
  })
  return { wake, looked, ended, logged, record, renewals: () => renewals }
}

describe('wake', () => {
  it('reconciles the app and revision of a nudge, with the app’s settings', async () => {
    const { wake, looked } = createWorld()
    await wake({ kind: 'nudge', app: shop.name, revision: commitAt(1) })
    await wake({ kind: 'nudge', app: gone, revision: null })
    expect(looked).toMatchObject([
      { app: 'shop', settings: shop, revisions: [commitAt(1)], isTick: false, scan: null },
      { app: 'gone', settings: null, revisions: [], isTick: false, scan: null },
    ])
    expect(looked[0]?.by).not.toBe(looked[1]?.by)
  })

  it('reconciles the app of an ended command, and nothing for an unknown command', async () => {
    const { wake, looked } = createWorld()
    await wake({ kind: 'command', command: 'c-1' })
    await wake({ kind: 'command', command: 'c-2' })
    expect(looked).toMatchObject([{ app: 'shop', isTick: false }])
  })

  it('reconciles each app that a push to Amazon ECR is a hint for, with its revision', async () => {
    const { wake, looked } = createWorld()
    const push = { account: '1', region: 'r', tag: 'latest', pushedAt: start }
    await wake({ kind: 'push', push: { ...push, repository: 'acme/shop' } })
    await wake({ kind: 'push', push: { ...push, repository: 'acme/other' } })
    expect(looked).toMatchObject([
      { app: 'shop', settings: shop, revisions: [commitAt(1)], isTick: false },
      { app: 'blog', settings: blog, revisions: [], isTick: false },
    ])
  })

  it('reconciles every app with work on a tick, and those whose instances have come', async () => {
    const { wake, looked, record } = createWorld({
      open: [gone],
      listPresent: async () => [instanceAt(1)],
    })
    await wake({ kind: 'tick' })
    await wake({ kind: 'tick' })
    expect(looked.map(({ app, isTick, scan }) => [app, isTick, scan?.returned])).toEqual([
      ['gone', true, undefined],
      ['shop', true, [instanceAt(1)]],
      ['blog', true, [instanceAt(1)]],
      ['gone', true, undefined],
    ])
    expect(record).toHaveBeenCalledTimes(1)
  })
})

describe('a renewal of proxies', () => {
  it('goes on with each tick and with nothing else', async () => {
    const { wake, renewals } = createWorld()
    await wake({ kind: 'nudge', app: shop.name, revision: null })
    expect(renewals()).toBe(0)
    await wake({ kind: 'tick' })
    expect(renewals()).toBe(1)
  })

  it('stops no app where it fails', async () => {
    const { wake, looked, logged } = createWorld({
      open: [gone],
      renewalError: new Retryable('the table is away'),
    })
    await wake({ kind: 'tick' })
    expect(looked.map(({ app }) => app)).toEqual(['gone'])
    expect(logged).toEqual([['warn', { why: 'the table is away' }]])
  })

  it('stops no app by a bug, which is thrown at the end', async () => {
    const bug = new Error('x is not a function')
    const { wake, looked } = createWorld({ open: [gone], renewalError: bug })
    await expect(wake({ kind: 'tick' })).rejects.toBe(bug)
    expect(looked.map(({ app }) => app)).toEqual(['gone'])
  })
})

describe('a failure for one app', () => {
  const coming = { listPresent: async () => [instanceAt(1)] }

  it('reconciles the other apps after a bug, and throws it at the end', async () => {
    const bug = new Error('x is not a function')
    const { wake, looked, logged, record } = createWorld({ ...coming, errors: { shop: bug } })
    await expect(wake({ kind: 'tick' })).rejects.toBe(bug)
    expect(looked.map(({ app }) => app)).toEqual(['shop', 'blog'])
    expect(logged).toEqual([['error', { app: 'shop', error: bug }]])
    expect(record).not.toHaveBeenCalled()
  })

  it('logs a retryable failure as a warning, and scans the app again on the next tick', async () => {
    const errors = { blog: new Retryable('the table is away') }
    const { wake, looked, logged, record } = createWorld({ ...coming, errors })
    await wake({ kind: 'tick' })
    await wake({ kind: 'tick' })
    expect(looked.map(({ app }) => app)).toEqual(['shop', 'blog', 'shop', 'blog'])
    expect(logged[0]).toEqual(['warn', { app: 'blog', why: 'the table is away' }])
    expect(record).not.toHaveBeenCalled()
  })

  it('reconciles the apps with work where the instances cannot be listed', async () => {
    const listPresent = async () => {
      throw new Retryable('Throttling: slow down')
    }
    const { wake, looked, logged } = createWorld({ open: [shop.name], listPresent })
    await wake({ kind: 'tick' })
    expect(looked).toMatchObject([{ app: 'shop' }])
    expect(logged).toEqual([['warn', { why: 'Throttling: slow down' }]])
  })

  it('reconciles the apps with work to their end where AWS refuses to list the instances, and says so at the end', async () => {
    const denied = new Denied('AWS refuses ec2:DescribeInstances')
    const { wake, ended } = createWorld({
      open: [shop.name],
      listPresent: async () => Promise.reject(denied),
    })
    await expect(wake({ kind: 'tick' })).rejects.toBe(denied)
    expect(ended).toEqual(['shop'])
  })
})
