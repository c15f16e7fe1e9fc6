import { describe, expect, it } from 'vitest'
import { begin, deploying, live } from '../../support/core.ts'
import { addSeconds } from '../../../src/kernel/clock.ts'
import { newToken } from '../../../src/kernel/id.ts'
import { hashToken } from '../../../src/page/access.ts'
import { after, revisionAt } from '../../support/deployments.ts'
import { openSite, readForm, type Site } from '../../support/page-site.ts'

const app = '/app/oc-lettings'

const offer = ({ links, clock }: Site, changes: object = {}): string => {
  const token = newToken()
  const hash = hashToken(token)
  const at = clock.now
  const endsAt = addSeconds(at, 300)
  const link = { hash, role: 'operate', by: 'ada', at, endsAt, sessionSeconds: 43_200 } as const
  links.set(hash, { ...link, spentAt: null, ...changes })
  return token
}

describe('a request without a good session', () => {
  const pages = ['/', app, `${app}/1`, '/app/unknown', `${app}?do=rollback`, '/nowhere']

  it.each(pages)('is answered 401 and costs nothing: %s', async (path) => {
    const site = openSite()
    for (const cookie of [null, '', 'x', `${newToken()}x`, '../head#shop'])
      for (const method of ['GET', 'POST']) {
        const { status, body } = await site.send(path, { cookie, method })
        expect(status).toBe(401)
        expect(body).not.toContain('oc-lettings')
      }
    expect(site.calls).toEqual([])
    expect(site.invoked).toEqual([])
  })

  it.each(pages)('costs one read where its cookie could be one: %s', async (path) => {
    const site = openSite()
    const { status } = await site.send(path, { cookie: newToken() })
    expect(status).toBe(401)
    expect(site.calls).toEqual(['read session'])
  })

  it('costs one read after the session has ended', async () => {
    const site = openSite()
    const cookie = site.signIn('operate')
    site.clock.now = addSeconds(site.clock.now, 3600)
    expect((await site.send('/', { cookie })).status).toBe(401)
    expect(site.calls).toEqual(['read session'])
  })

  it('tells nobody which apps there are', async () => {
    const known = await openSite().send(app)
    const unknown = await openSite().send('/app/unknown')
    expect(known).toEqual(unknown)
  })
})

describe('a sign-in link', () => {
  it('is spent by a form, once, and opens a session with its role and name', async () => {
    const site = openSite({ head: live(1, 1).stored })
    const token = offer(site)
    const { status, headers, cookies } = await site.send('/open', { form: { token } })
    expect([status, headers['location']]).toEqual([303, '/'])
    expect(cookies).toEqual([
      expect.stringMatching(
        /^__Host-landfall=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure$/,
      ),
    ])
    const [, cookie = ''] = /=([\w-]{43});/.exec(cookies[0] ?? '') ?? []
    const page = await site.send('/', { cookie })
    expect(page.status).toBe(200)
    expect(page.body).toContain('ada, operator')
    const again = await site.send('/open', { form: { token } })
    expect([again.status, again.cookies]).toEqual([401, []])
  })

  it('is spent by no GET, whatever its address has', async () => {
    const site = openSite()
    const token = offer(site)
    for (const path of ['/open', `/open?token=${token}`, `/open/${token}`])
      for (const method of ['GET', 'HEAD']) await site.send(path, { method })
    expect(site.calls).toEqual([])
    expect((await site.send('/open', { form: { token } })).status).toBe(303)
  })

  it('opens no session after its time, and records none', async () => {
    const site = openSite()
    const token = offer(site, { endsAt: site.clock.now })
    expect((await site.send('/open', { form: { token } })).status).toBe(401)
    expect(site.calls).toEqual(['read link'])
  })

  it('costs nothing where it cannot be one, and one read where none was offered', async () => {
    const site = openSite()
    for (const token of ['', 'x', '../', `${newToken()}x`])
      expect((await site.send('/open', { form: { token } })).status).toBe(401)
    expect(site.calls).toEqual([])
    expect((await site.send('/open', { form: { token: newToken() } })).status).toBe(401)
    expect(site.calls).toEqual(['read link'])
  })

  it('opens no session for a form of another site', async () => {
    const site = openSite()
    const token = offer(site)
    for (const origin of ['https://evil.example', 'null']) {
      const { status } = await site.send('/open', { form: { token }, headers: { origin } })
      expect(status).toBe(403)
    }
    expect(site.calls).toEqual([])
  })

  it('is offered again by nobody who signs out', async () => {
    const site = openSite()
    const cookie = site.signIn('view')
    const { status, cookies } = await site.send('/leave', { cookie, method: 'POST' })
    expect([status, cookies]).toEqual([303, [expect.stringContaining('Max-Age=0')]])
    expect((await site.send('/', { cookie })).status).toBe(401)
  })
})

describe('what a page costs', () => {
  it.each([
    ['/', ['read session', 'read head']],
    [app, ['read session', 'read head', 'read waiting', 'read seen', 'read history', 'read steps']],
    [`${app}/2`, ['read session', 'read head', 'read history', 'read steps']],
    [`${app}?do=cancel`, ['read session', 'read head']],
  ])('reads for %s: %j', async (path, reads) => {
    const site = openSite({ head: deploying().stored })
    const cookie = site.signIn('operate')
    expect((await site.send(path, { cookie })).status).toBe(200)
    expect(site.calls).toEqual(reads)
  })

  it('is answered 304 while nothing has changed, whatever the time, and 200 when something has', async () => {
    const site = openSite({ head: deploying().stored })
    const cookie = site.signIn('operate')
    const { headers, body } = await site.send(app, { cookie })
    const etag = headers['etag'] ?? ''
    expect(body).toContain(`data-etag="${etag.replaceAll('"', '&quot;')}"`)
    site.clock.now = addSeconds(site.clock.now, 60)
    for (const given of [etag, `W/${etag}`, `"x", ${etag}`]) {
      const unchanged = await site.send(app, { cookie, headers: { 'if-none-match': given } })
      expect([unchanged.status, unchanged.body]).toEqual([304, ''])
    }
    site.site.head = { ...deploying().say({ kind: 'cancel' }).stored }
    const changed = await site.send(app, { cookie, headers: { 'if-none-match': etag } })
    expect(changed.status).toBe(200)
  })
})

describe('every answer', () => {
  it('has the same strict headers', async () => {
    const site = openSite({ head: live(1, 1).stored })
    const cookie = site.signIn('operate')
    for (const [path, sent] of [
      ['/', { cookie }],
      ['/', {}],
      ['/open', {}],
      ['/nowhere', { cookie }],
      ['/open', { form: {} }],
      [`${app}?do=freeze`, { cookie }],
    ] as const) {
      const { headers } = await site.send(path, sent)
      expect(headers).toMatchObject({
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        'referrer-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'content-type': 'text/html; charset=utf-8',
      })
    }
  })

  it('names its style, its script and its icon by their content, and these never change', async () => {
    const site = openSite()
    const { body } = await site.send('/open')
    const paths = [...body.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path = '']) => path)
    expect(paths).toHaveLength(3)
    for (const path of paths) {
      const { status, headers } = await site.send(path)
      expect([status, headers['cache-control']]).toEqual([
        200,
        'public, max-age=31536000, immutable',
      ])
    }
    expect((await site.send('/assets/0000000000000000-page.js')).status).toBe(404)
    expect(site.calls).toEqual([])
  })

  it.each(['/app/unknown', `${app}/99`, `${app}/0`, `${app}/1e1`, `${app}/%2e`, '/app/../head'])(
    'is 404 for %s, with a session',
    async (path) => {
      const site = openSite({ head: live(1, 1).stored })
      expect((await site.send(path, { cookie: site.signIn('view') })).status).toBe(404)
    },
  )
})

describe('a button', () => {
  const press = async (site: Site, cookie: string, query: string, more: object = {}) => {
    const asked = await site.send(`${app}?do=${query}`, { cookie })
    const form = readForm(asked.body, 'id="confirm"')
    const done = await site.send(app, { cookie, form: { ...form, ...more } })
    return { asked, form, done }
  }

  it('names both ends of a rollback, asks, and has the function do just that, once', async () => {
    const site = openSite({ head: live(1, 1, 2).stored })
    const cookie = site.signIn('operate')
    expect((await site.send(app, { cookie })).body).toContain('Roll back #2 → #1')
    const { asked, form, done } = await press(site, cookie, 'rollback')
    expect(asked.body).toContain('Roll back #2 → #1')
    expect(asked.body).toContain('the database stays as it is')
    expect([done.status, done.headers['location']]).toEqual([303, app])
    expect(site.invoked).toEqual([
      {
        name: 'rollback',
        input: { app: 'oc-lettings', by: 'ada', to: 1, requestId: form['nonce']?.split('.')[0] },
      },
    ])
    await site.send(app, { cookie, form })
    expect(site.invoked[1]).toEqual(site.invoked[0])
  })

  it('takes back what is open, where the button names what is live as the other end', async () => {
    const site = openSite({ head: deploying().stored })
    const { asked, done } = await press(site, site.signIn('operate'), 'rollback&from=2&to=1')
    expect(asked.body).toContain('Roll back #2 → #1')
    expect(done.status).toBe(303)
    expect(site.invoked).toMatchObject([{ name: 'rollback', input: { app: 'oc-lettings', to: 1 } }])
  })

  it.each([
    ['redeploy', {}, {}],
    ['freeze', { reason: 'exams' }, { reason: 'exams' }],
  ])('calls %s with what it needs and no more', async (name, more, expected) => {
    const site = openSite({ head: live(1, 1, 2).stored })
    await press(site, site.signIn('operate'), name, more)
    expect(site.invoked).toMatchObject([{ name, input: { app: 'oc-lettings', by: 'ada' } }])
    const { requestId: _, ...input } = { requestId: '', ...site.invoked[0]?.input }
    expect(input).toEqual({ app: 'oc-lettings', by: 'ada', ...expected })
  })

  it('is there for what can be done now, and for nothing else', async () => {
    const labels = async (head: Site['site']['head']) => {
      const site = openSite({ head })
      const { body } = await site.send(app, { cookie: site.signIn('operate') })
      return [...body.matchAll(/<button name="do"[^>]*>([^<]*)</g)].map(([, label = '']) =>
        label.trim(),
      )
    }
    expect(await labels(begin().stored)).toEqual(['Freeze'])
    expect(await labels(live(1, 1).stored)).toEqual(['Deploy #1 again', 'Freeze'])
    expect(await labels(live(1, 1, 2).stored)).toEqual([
      'Roll back #2 → #1',
      'Deploy #2 again',
      'Freeze',
    ])
    expect(await labels(deploying().stored)).toEqual(['Roll back #2 → #1', 'Cancel #2', 'Freeze'])
    const frozen = live(1, 1).say({ kind: 'freeze', reason: 'exams' })
    expect(await labels(frozen.stored)).toEqual(['Unfreeze'])
  })

  it('does nothing where the app has changed since it was shown', async () => {
    const site = openSite({ head: live(1, 1, 2).stored })
    const cookie = site.signIn('operate')
    const asked = await site.send(`${app}?do=rollback`, { cookie })
    const form = readForm(asked.body, 'id="confirm"')
    site.site.head = live(1, 1, 2, 3).stored
    const { status, body } = await site.send(app, { cookie, form })
    expect(status).toBe(409)
    expect(body).toContain('has changed since')
    expect(site.invoked).toEqual([])
  })

  it('does nothing for a form of another session, of another app or with another end', async () => {
    const site = openSite({ head: live(1, 1, 2, 3).stored })
    const cookie = site.signIn('operate')
    const asked = await site.send(`${app}?do=rollback&to=1`, { cookie })
    const form = readForm(asked.body, 'id="confirm"')
    const other = site.signIn('operate')
    for (const [session, fields] of [
      [other, form],
      [cookie, { ...form, to: '2' }],
      [cookie, { ...form, do: 'cancel' }],
      [cookie, { ...form, nonce: '' }],
      [cookie, {}],
    ] as const)
      expect((await site.send(app, { cookie: session, form: fields })).status).toBe(409)
    expect(site.invoked).toEqual([])
  })

  it('does nothing for a page of another site', async () => {
    const site = openSite({ head: live(1, 1, 2).stored })
    const cookie = site.signIn('operate')
    const asked = await site.send(`${app}?do=rollback`, { cookie })
    const form = readForm(asked.body, 'id="confirm"')
    for (const origin of ['https://evil.example', 'null', ''])
      expect((await site.send(app, { cookie, form, headers: { origin } })).status).toBe(403)
    expect(site.invoked).toEqual([])
  })

  it('is not there for a session that only shows, which can do nothing either', async () => {
    const site = openSite({ head: live(1, 1, 2).stored })
    const cookie = site.signIn('view')
    for (const path of ['/', app, `${app}/1`])
      expect((await site.send(path, { cookie })).body).not.toContain('name="do"')
    expect((await site.send(`${app}?do=rollback`, { cookie })).status).toBe(403)
    const operator = site.signIn('operate')
    const asked = await site.send(`${app}?do=rollback`, { cookie: operator })
    const form = readForm(asked.body, 'id="confirm"')
    expect((await site.send(app, { cookie, form })).status).toBe(403)
    expect(site.invoked).toEqual([])
  })

  it('tells in words what the function refused, and that one without an answer may have acted', async () => {
    const refused = { outcome: 'refused', reason: 'app_frozen', message: 'The app is frozen.' }
    const site = openSite({ head: live(1, 1, 2).stored, answer: refused })
    const { done } = await press(site, site.signIn('operate'), 'rollback')
    expect([done.status, done.body]).toEqual([409, expect.stringContaining('The app is frozen.')])
    site.site.answer = { errorMessage: 'boom' }
    const crashed = await press(site, site.signIn('operate'), 'rollback')
    expect(crashed.done.body).toContain(
      'rollback did not answer in time. It may have been carried out',
    )
  })

  it('brings out a commit that waits for a person, and no other', async () => {
    const waiting = [revisionAt(3, { reason: 'manual', waitingSince: after(50) })]
    const site = openSite({ head: live(1, 1).stored, waiting })
    const cookie = site.signIn('operate')
    const { id } = waiting[0] ?? revisionAt(3)
    expect((await site.send(app, { cookie })).body).toContain(`Deploy ${id.slice(0, 14)}`)
    const { done } = await press(site, cookie, `redeploy&revision=${id}`)
    expect(done.status).toBe(303)
    expect(site.invoked).toMatchObject([{ name: 'redeploy', input: { revision: id } }])
    const unknown = await site.send(`${app}?do=redeploy&revision=${'f'.repeat(40)}`, { cookie })
    expect(unknown.status).toBe(409)
  })
})
