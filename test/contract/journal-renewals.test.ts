import { expect, it } from 'vitest'
import { createProxyImages } from '../../src/journal/proxy-images.ts'
import { createRenewalRequests, createRenewals } from '../../src/journal/renewals.ts'
import { itemKey } from '../../src/journal/keys.ts'
import { instanceAt } from '../support/deployments.ts'
import { proxyImage } from '../support/ec2-ports.ts'
import { digestAt } from '../support/examples.ts'
import { useJournal } from '../support/journal-table.ts'

const journal = await useJournal()

it('keeps the first image of the proxies until an operator has it replaced', async () => {
  const images = createProxyImages(journal.table)
  expect(await images.load()).toBeNull()
  const later = { ...proxyImage, digest: digestAt(33) }
  const both = await Promise.all([images.recordFirst(proxyImage), images.recordFirst(later)])
  expect(both[0]).toEqual(both[1])
  expect(await images.recordFirst(later)).toEqual(both[0])
  await images.replace(later)
  expect(await images.load()).toEqual(later)
})

it("keeps an operator's newest request, and a line of each for people", async () => {
  const { request } = createRenewalRequests(journal.table)
  const renewals = createRenewals(journal.table)
  expect(await renewals.loadRequest()).toBeNull()
  const first = { id: 'a', by: 'ada', at: '2026-11-20T10:00:00.000Z', digest: null }
  const second = { ...first, id: 'b', at: '2026-11-20T11:00:00.000Z', digest: digestAt(9) }
  for (const one of [first, second]) expect(await request(one)).toBe(true)
  expect(await renewals.loadRequest()).toEqual(second)
  expect(await request({ ...second, at: '2026-11-20T12:00:00.000Z', digest: null })).toBe(false)
  expect(await renewals.loadRequest()).toEqual(second)
  for (const { at, id } of [first, second])
    expect(await journal.read(itemKey.proxyOperation(at, id))).toMatchObject({
      kind: 'renew-proxy',
      by: 'ada',
    })
})

it('takes one of two writes of a renewal that were made after the same read', async () => {
  const renewals = createRenewals(journal.table)
  const request = { id: 'a', by: 'ada', at: '2026-11-20T10:00:00.000Z', digest: null }
  const renewal = { request, image: proxyImage, waiting: [], asked: null, done: [], ended: null }
  const others = { ...renewal, waiting: [instanceAt(1)] }
  expect(await Promise.all([renewals.record(renewal, 0), renewals.record(others, 0)])).toContain(
    false,
  )
  expect(await renewals.record(others, 1)).toBe(true)
  expect(await renewals.load()).toEqual({ renewal: others, version: 2 })
})
