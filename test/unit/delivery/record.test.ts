import { describe, expect, it } from 'vitest'
import { recordDelivery, type EvidenceJournal } from '../../../src/delivery/record.ts'
import { AppName, newDeliveryId } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { commit } from '../../support/apps.ts'
import { createMemoryJournal, now } from '../../support/receiving.ts'

const delivery = {
  deliveryId: newDeliveryId(),
  source: 'github' as const,
  senderId: null,
  receivedAt: now,
  expiresAt: now,
  bodyHash: '00',
  parsed: { kind: 'ping' as const },
}
const evidence = { kind: 'push', pushedAt: now, origin: null } as const
const matchOf = (app: string) => ({ app: AppName.parse(app), revision: commit, commit, evidence })

const noNudge = async () => undefined

describe('recordDelivery', () => {
  it('writes the evidence of each app, then the receipt that names them', async () => {
    const { journal, calls, receipts } = createMemoryJournal()
    await recordDelivery(journal, delivery, succeed([matchOf('one'), matchOf('two')]), noNudge)
    expect(calls).toEqual(['evidence', 'evidence', 'receipt'])
    expect(receipts).toEqual([
      {
        ...delivery,
        reason: 'recorded',
        matches: [
          { app: 'one', revision: commit },
          { app: 'two', revision: commit },
        ],
      },
    ])
  })

  it('nudges while the receipt is being written, and is done when both are', async () => {
    const { journal } = createMemoryJournal()
    const done: string[] = []
    const nudged = Promise.withResolvers<void>()
    const waiting: EvidenceJournal = {
      ...journal,
      recordReceipt: async () => {
        await nudged.promise
        done.push('receipt')
      },
    }
    await recordDelivery(waiting, delivery, succeed([matchOf('one')]), async (matches) => {
      done.push(...matches.map(({ app }) => app))
      nudged.resolve()
    })
    expect(done).toEqual(['one', 'receipt'])
  })

  it('records a duplicate only where no app gets new evidence', async () => {
    const { journal } = createMemoryJournal()
    const one = await recordDelivery(journal, delivery, succeed([matchOf('one')]), noNudge)
    const both = await recordDelivery(
      journal,
      delivery,
      succeed([matchOf('one'), matchOf('two')]),
      noNudge,
    )
    const again = await recordDelivery(journal, delivery, succeed([matchOf('one')]), noNudge)
    expect([one.reason, both.reason, again.reason]).toEqual(['recorded', 'recorded', 'duplicate'])
    expect(again.matches).toHaveLength(1)
  })

  it('records a receipt without evidence for an ignored delivery', async () => {
    const { journal, calls, receipts } = createMemoryJournal()
    await recordDelivery(journal, delivery, fail('not_a_push'), noNudge)
    expect(calls).toEqual(['receipt'])
    expect(receipts).toMatchObject([{ reason: 'not_a_push', matches: [] }])
  })

  it('writes no receipt and nudges nobody where the evidence could not be written', async () => {
    const { journal, receipts } = createMemoryJournal()
    const broken: EvidenceJournal = {
      ...journal,
      recordEvidence: () => Promise.reject(new Error('throttled')),
    }
    const nudged: unknown[] = []
    const recording = recordDelivery(broken, delivery, succeed([matchOf('one')]), async (of) => {
      nudged.push(of)
    })
    await expect(recording).rejects.toThrow('throttled')
    expect(receipts).toEqual([])
    expect(nudged).toEqual([])
  })
})
