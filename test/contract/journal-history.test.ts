import { PutCommand } from '@aws-sdk/lib-dynamodb'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCertificates } from '../../src/journal/certificates.ts'
import { createCommandIndex } from '../../src/journal/commands.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHistory } from '../../src/journal/history.ts'
import { ItemUnreadable } from '../../src/journal/item.ts'
import { itemKey } from '../../src/journal/keys.ts'
import { AppName, Generation, InstanceId, newDeliveryId } from '../../src/kernel/id.ts'
import { alterations } from '../support/alterations.ts'
import { endedDeployments, steps as someSteps } from '../support/journal-records.ts'
import { silent } from '../support/examples.ts'
import { useJournal } from '../support/journal-table.ts'
import { inFull } from '../support/size.ts'

const journal = await useJournal()

const now = '2026-11-20T10:00:30.000Z'
const daysLater = (days: number) => Math.floor(Date.parse(now) / 1000) + days * 86_400
let count = 0
const newApp = () => AppName.parse(`app-${(count += 1)}`)

const put = (item: Record<string, unknown>) =>
  journal.table.documents().send(new PutCommand({ TableName: journal.table.name, Item: item }))

describe('the history of deployments', () => {
  it('reads deployments back as they were written, newest first, after repeated writes too', async () => {
    const history = createHistory(journal.table)
    const list = fc.uniqueArray(endedDeployments, {
      selector: ({ generation }) => generation,
      maxLength: 4,
    })
    await fc.assert(
      fc.asyncProperty(list, async (written) => {
        const app = newApp()
        for (const deployment of [...written, ...written])
          await history.recordDeployment(app, deployment)
        const newestFirst = written.toSorted((a, b) => b.generation - a.generation)
        expect(await history.loadDeployments(app, 10)).toEqual(newestFirst)
        expect(await history.loadDeployments(app, 2)).toEqual(newestFirst.slice(0, 2))
        for (const one of written)
          expect(await history.loadDeployment(app, one.generation)).toEqual(one)
        const unused = Generation.parse(Math.max(0, ...written.map((one) => one.generation)) + 1)
        expect(await history.loadDeployment(app, unused)).toBeNull()
      }),
      { numRuns: inFull(20, 8) },
    )
  })

  it('keeps the mark of a rolled back deployment, also after a later write of the deployment', async () => {
    const history = createHistory(journal.table)
    const app = newApp()
    const [one] = fc.sample(endedDeployments, 1)
    if (one === undefined) throw new Error('no deployment')
    const ended = { ...one, status: 'succeeded' as const, rolledBackBy: null }
    const by = Generation.parse(ended.generation + 1)
    await history.recordDeployment(app, ended)
    await history.recordRolledBack(app, ended.generation, by)
    await history.recordRolledBack(app, ended.generation, by)
    await history.recordDeployment(app, ended)
    expect(await history.loadDeployments(app, 10)).toEqual([
      { ...ended, status: 'rolled_back', rolledBackBy: by },
    ])
  })

  it('keeps a deployment as it ended, whatever a head says of its number later', async () => {
    const history = createHistory(journal.table)
    const app = newApp()
    const [one, other] = fc.sample(endedDeployments, 2)
    if (one === undefined || other === undefined) throw new Error('no deployments')
    const ended = { ...one, status: 'succeeded' as const, rolledBackBy: null }
    await history.recordDeployment(app, ended)
    await history.recordDeployment(app, { ...other, generation: one.generation })
    expect(await history.loadDeployments(app, 10)).toEqual([ended])
  })

  it('does not mark a deployment that has expired', async () => {
    const history = createHistory(journal.table)
    const app = newApp()
    await history.recordRolledBack(app, Generation.parse(1), Generation.parse(2))
    expect(await history.loadDeployments(app, 10)).toEqual([])
  })

  it('lists no deployments of another app, and no revisions', async () => {
    expect(await createHistory(journal.table).loadDeployments(newApp(), 10)).toEqual([])
  })
})

describe('the releases that were opened', () => {
  const [one, other] = fc.sample(endedDeployments, 2).map(({ release }) => release)
  if (one === undefined || other === undefined) throw new Error('no releases')

  it('finds a release as it was recorded, and no other that looks like it', async () => {
    const app = newApp()
    await createHistory(journal.table).recordRelease(app, one)
    const history = createHistory(journal.table)
    expect(await history.hasRelease(app, one)).toBe(true)
    expect(await history.hasRelease(newApp(), one)).toBe(false)
    const generation = Generation.parse(one.generation + 1)
    expect(await history.hasRelease(app, { ...one, generation })).toBe(false)
    const settings = { ...one.settings, image: 'evil.example/backdoor' }
    expect(await history.hasRelease(app, { ...one, settings })).toBe(false)
  })

  it.each(alterations)('finds no release with %s', async (_, alter) => {
    const app = newApp()
    const history = createHistory(journal.table)
    await history.recordRelease(app, one)
    expect(await history.hasRelease(app, alter(one))).toBe(false)
  })

  it('keeps both releases that two runs open under one number', async () => {
    const app = newApp()
    const history = createHistory(journal.table)
    const second = { ...other, generation: one.generation }
    await history.recordRelease(app, one)
    await history.recordRelease(app, second)
    await history.recordRelease(app, one)
    expect(await history.hasRelease(app, one)).toBe(true)
    expect(await history.hasRelease(app, second)).toBe(true)
    expect(await history.loadDeployments(app, 10)).toEqual([])
  })

  it('reads a recorded release once, however often it is asked for', async () => {
    const app = newApp()
    const history = createHistory(journal.table)
    await history.recordRelease(app, one)
    journal.operations.length = 0
    for (let look = 0; look < 3; look += 1) expect(await history.hasRelease(app, one)).toBe(true)
    expect(journal.operations.length).toBe(1)
  })
})

describe('the steps of a deployment', () => {
  it('reads steps back as they were written, after repeated writes too', async () => {
    const history = createHistory(journal.table)
    await fc.assert(
      fc.asyncProperty(fc.array(someSteps, { maxLength: 4 }), async (list) => {
        const app = newApp()
        const generation = Generation.parse(7)
        const written = list.map((step, fence) => ({ ...step, generation, fence }))
        await history.recordSteps(app, written)
        await history.recordSteps(app, written)
        const byFence = (await history.loadSteps(app, generation)).toSorted(
          (a, b) => a.fence - b.fence,
        )
        expect(byFence).toEqual(written)
        expect(await history.loadSteps(app, Generation.parse(70))).toEqual([])
      }),
      { numRuns: inFull(20, 8) },
    )
  })

  it('reads all steps where they take more than one page', async () => {
    const history = createHistory(journal.table)
    const app = newApp()
    const [step] = fc.sample(someSteps, { numRuns: 1, seed: 1 })
    if (step === undefined) throw new Error('no sample')
    const tail = Array.from({ length: 20 }, () => 'x'.repeat(1000))
    const written = Array.from({ length: 60 }, (_, fence) => ({ ...step, fence, tail }))
    await history.recordSteps(app, written)
    expect(await history.loadSteps(app, step.generation)).toEqual(written)
  })
})

describe('the index of commands', () => {
  it('finds the app of a command, and none for an unknown command', async () => {
    const commands = createCommandIndex(journal.table)
    const app = newApp()
    await commands.recordCommand('11111111-2222-4333-8444-555555555555', app, now)
    expect(await commands.findApp('11111111-2222-4333-8444-555555555555')).toBe(app)
    expect(await commands.findApp('99999999-2222-4333-8444-555555555555')).toBeNull()
    const item = await journal.read(itemKey.command('11111111-2222-4333-8444-555555555555'))
    expect(item).toMatchObject({ expiresAt: daysLater(7) })
  })

  it('refuses an invalid command item', async () => {
    await put({ ...itemKey.command('broken'), schemaVersion: 1, app: 'No App!' })
    await expect(createCommandIndex(journal.table).findApp('broken')).rejects.toThrow(
      ItemUnreadable,
    )
  })
})

describe('the certificates of instances', () => {
  const instanceOf = (number: number) =>
    InstanceId.parse(`i-${number.toString(16).padStart(8, '0')}`)
  const of = (number: number, der: string, at = now) => ({ instance: instanceOf(number), der, at })
  const certificates = createCertificates(journal.table, silent)

  it('loads the last certificate of each requested instance that has one', async () => {
    expect(await certificates.load([])).toEqual([])
    for (const one of [of(1, 'AAAA'), of(2, 'BBBB'), of(3, 'CCCC'), of(1, 'DDDD')])
      await certificates.record(one, 'command-1')
    const found = await certificates.load([1, 2, 1, 9].map(instanceOf))
    expect(found.toSorted((a, b) => (a.instance < b.instance ? -1 : 1))).toEqual([
      of(1, 'DDDD'),
      of(2, 'BBBB'),
    ])
    expect(await journal.read(itemKey.certificate(instanceOf(1)))).toMatchObject({
      expiresAt: daysLater(365),
    })
  })

  it('loads no certificate that was forgotten, also twice, until one is recorded again', async () => {
    await certificates.record(of(4, 'AAAA'), 'command-1')
    await certificates.forget(instanceOf(4))
    await certificates.forget(instanceOf(4))
    expect(await certificates.load([instanceOf(4)])).toEqual([])
    expect(await certificates.renew(of(4, 'AAAA'), 'command-2')).toBe('known')
    expect(await certificates.load([instanceOf(4)])).toEqual([of(4, 'AAAA')])
  })

  it('keeps nothing of an instance without a certificate that is to be forgotten', async () => {
    await certificates.forget(instanceOf(5))
    expect(await journal.read(itemKey.certificate(instanceOf(5)))).toBeUndefined()
  })

  it('says that a certificate has changed, whenever the answers to its command are read', async () => {
    const [old, fresh] = [of(6, 'AAAA'), of(6, 'BBBB')]
    expect(await certificates.renew(old, 'command-1')).toBeNull()
    expect(await certificates.record(old, 'command-1')).toBe('known')
    expect(await certificates.renew(fresh, 'command-2')).toBeNull()
    expect(await certificates.record(fresh, 'command-2')).toBe('changed')
    // A run that has died before the head knew it, and a run beside it.
    expect(await certificates.renew(fresh, 'command-2')).toBe('changed')
    expect(await certificates.record(fresh, 'command-2')).toBe('changed')
    expect(await certificates.renew(fresh, 'command-3')).toBe('known')
  })

  it('says that a certificate has changed also if the one before was forgotten', async () => {
    await certificates.record(of(7, 'AAAA'), 'command-1')
    await certificates.forget(instanceOf(7))
    expect(await certificates.record(of(7, 'BBBB'), 'command-2')).toBe('changed')
    expect(await certificates.load([instanceOf(7)])).toEqual([of(7, 'BBBB')])
  })

  it('says of two runs with the first certificate of an instance that it is known', async () => {
    const first = of(8, 'AAAA')
    const both = await Promise.all([1, 2].map(() => certificates.record(first, 'command-1')))
    expect(both).toEqual(['known', 'known'])
  })

  it('renews the time of a certificate by one call', async () => {
    await certificates.record(of(9, 'AAAA'), 'command-1')
    journal.operations.length = 0
    const later = '2026-12-24T10:00:00.000Z'
    expect(await certificates.renew(of(9, 'AAAA', later), 'command-2')).toBe('known')
    expect(journal.operations).toEqual(['UpdateItem'])
    expect(await certificates.load([instanceOf(9)])).toEqual([of(9, 'AAAA', later)])
  })

  it('counts a certificate that cannot be read as none, for its instance alone', async () => {
    await certificates.record(of(10, 'AAAA'), 'command-1')
    const broken = [
      { der: '%%%' },
      { der: 7 },
      { der: 'A'.repeat(804) },
      { at: 'yesterday' },
      { instance: '../1' },
    ]
    for (const [index, changes] of broken.entries()) {
      const one = of(20 + index, 'AAAA')
      await put({ ...itemKey.certificate(one.instance), schemaVersion: 1, ...one, ...changes })
    }
    const errors: unknown[] = []
    const log = { ...silent, error: (_message: string, fields: unknown) => errors.push(fields) }
    const ids = [10, ...broken.map((_, index) => 20 + index)].map(instanceOf)
    expect(await createCertificates(journal.table, log).load(ids)).toEqual([of(10, 'AAAA')])
    expect(errors).toHaveLength(broken.length)
    expect(JSON.stringify(errors)).toContain(`instance#${instanceOf(20)}`)
    // The next answer of the instance is taken.
    expect(await certificates.record(of(20, 'BBBB'), 'command-2')).toBe('changed')
    expect(await certificates.load([instanceOf(20)])).toEqual([of(20, 'BBBB')])
  })

  it('reads the certificates that DynamoDB left unprocessed in a batch', async () => {
    const fleet = [5001, 5002, 5003].map(instanceOf)
    for (const instance of fleet)
      await certificates.record({ instance, der: 'AAAA', at: now }, 'command-1')
    journal.operations.length = 0
    journal.faults.push('batch_cut', 'batch_cut')
    const found = await certificates.load(fleet)
    expect(found.map(({ instance }) => instance).toSorted()).toEqual(fleet)
    expect(journal.operations).toEqual(['BatchGetItem', 'BatchGetItem', 'BatchGetItem'])
  })

  it('reads the certificates of a whole fleet at once', async () => {
    const fleet = Array.from({ length: 130 }, (_, index) => instanceOf(1000 + index))
    await Promise.all(
      fleet.map((instance) => certificates.record({ instance, der: 'AAAA', at: now }, 'command-1')),
    )
    journal.operations.length = 0
    expect(await certificates.load(fleet)).toHaveLength(130)
    expect(journal.operations).toEqual(['BatchGetItem', 'BatchGetItem'])
  })
})

describe('the receipt of a delivery', () => {
  it('keeps a receipt as given, until its expiry', async () => {
    const deliveryId = newDeliveryId()
    const receipt = {
      deliveryId,
      source: 'github',
      senderId: null,
      receivedAt: now,
      bodyHash: 'ab'.repeat(32),
      reason: 'recorded',
      parsed: { kind: 'ping' },
      matches: [{ app: newApp(), revision: null }],
    } as const
    const expiresAt = '2026-12-20T10:00:30.000Z'
    await createEvidenceJournal(journal.table).recordReceipt({ ...receipt, expiresAt })
    expect(await journal.read(itemKey.receipt(deliveryId))).toEqual({
      ...itemKey.receipt(deliveryId),
      schemaVersion: 1,
      ...receipt,
      expiresAt: daysLater(30),
    })
  })
})
