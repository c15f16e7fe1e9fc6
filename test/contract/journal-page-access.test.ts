import { describe, expect, it } from 'vitest'
import { createPageAccess } from '../../src/journal/page-access.ts'
import { addSeconds } from '../../src/kernel/clock.ts'
import { hashToken, type SignInLink } from '../../src/page/access.ts'
import { answerOpen } from '../../src/page/open.ts'
import { useJournal } from '../support/journal-table.ts'
import * as z from 'zod'

const journal = await useJournal()
const access = createPageAccess(journal.table)
const now = '2026-11-20T10:00:00.000Z'

const linkOf = (token: string): SignInLink => ({
  hash: hashToken(token),
  role: 'operate',
  by: 'ada',
  at: now,
  endsAt: addSeconds(now, 300),
  sessionSeconds: 3600,
  spentAt: null,
})

const sessionOf = (token: string) => ({
  hash: hashToken(token),
  role: 'view' as const,
  by: 'ada',
  at: now,
  endsAt: addSeconds(now, 3600),
})

describe('a link to the page', () => {
  it('is spent once, also by two at a time', async () => {
    const { hash } = linkOf('race')
    await access.offer(linkOf('race'))
    const spent = await Promise.all([1, 2, 3].map(() => access.spend(hash, now)))
    expect(spent.filter(Boolean)).toHaveLength(1)
    expect(await access.loadLink(hash)).toEqual({ ...linkOf('race'), spentAt: now })
  })

  it('is not spent where all were ended since it was loaded', async () => {
    const { hash } = linkOf('revoked')
    await access.offer(linkOf('revoked'))
    await access.endAll(addSeconds(now, 1))
    expect(await access.spend(hash, now)).toBe(false)
  })

  it('is not spent after its time, and not one that was never offered', async () => {
    const link = linkOf('late')
    await access.offer(link)
    expect(await access.spend(link.hash, link.endsAt)).toBe(false)
    expect(await access.spend(hashToken('never'), now)).toBe(false)
    expect(await access.loadLink(hashToken('never'))).toBeNull()
  })

  it('is not replaced by another of the same hash', async () => {
    const { hash } = linkOf('twice')
    await access.offer(linkOf('twice'))
    await access.spend(hash, now)
    await access.offer(linkOf('twice'))
    expect(await access.spend(hash, now)).toBe(false)
  })
})

describe('a session of the page', () => {
  it('is read by its hash with one consistent read, and ends where it is ended', async () => {
    const session = sessionOf('one')
    await access.recordSession(session)
    journal.operations.length = 0
    journal.consistent.length = 0
    expect(await access.loadSession(session.hash)).toEqual(session)
    expect(journal.operations).toEqual(['GetItem'])
    expect(journal.consistent).toEqual([true])
    await access.endSession(session.hash, now)
    expect(await access.loadSession(session.hash)).toMatchObject({ endsAt: now })
  })

  it('cannot be ended later than it ends, and ending an unknown one makes none', async () => {
    const session = sessionOf('two')
    await access.recordSession(session)
    await access.endSession(session.hash, addSeconds(now, 9999))
    expect(await access.loadSession(session.hash)).toEqual(session)
    await access.endSession(hashToken('nobody'), now)
    expect(await access.loadSession(hashToken('nobody'))).toBeNull()
  })
})

describe('open', () => {
  const schema = z.object({
    by: z.string(),
    viewOnly: z.boolean().default(false),
    days: z.number().optional(),
    revoke: z.boolean().default(false),
  })
  const services = { apps: [], access, apiUrl: 'https://api.example', clock: () => new Date(now) }
  const open = (input: object) => answerOpen(schema, { by: 'ada', ...input }, () => services)
  const Offered = z.object({ url: z.url(), sessionHours: z.number(), role: z.string() })

  it('answers a link whose token is in the fragment and in no item of the journal', async () => {
    const { url, sessionHours } = Offered.parse(await open({}))
    const { origin, pathname, search, hash: fragment } = new URL(url)
    expect([origin, pathname, search]).toEqual(['https://api.example', '/open', ''])
    const token = fragment.slice(1)
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(sessionHours).toBe(12)
    const link = await access.loadLink(hashToken(token))
    expect(link).toMatchObject({ role: 'operate', by: 'ada', endsAt: addSeconds(now, 300) })
    expect(JSON.stringify(link)).not.toContain(token)
  })

  it('answers a link that only shows, for some days', async () => {
    expect(await open({ viewOnly: true, days: 14 })).toMatchObject({
      role: 'view',
      sessionHours: 14 * 24,
    })
  })

  it('ends every link and every session', async () => {
    const session = sessionOf('three')
    await access.recordSession(session)
    const { url } = Offered.parse(await open({}))
    expect(await open({ revoke: true })).toMatchObject({ outcome: 'accepted' })
    expect(await access.loadSession(session.hash)).toMatchObject({ endsAt: now })
    expect(await access.spend(hashToken(new URL(url).hash.slice(1)), now)).toBe(false)
    expect(await open({ revoke: true })).toMatchObject({ ended: 0 })
  })
})
