import { Script } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { Ended } from '../../../src/deployment/deployment.ts'
import { headLimits } from '../../../src/deployment/head.ts'
import type { StepRecord } from '../../../src/deployment/step.ts'
import { Fence, Generation } from '../../../src/kernel/id.ts'
import { renderHistory } from '../../../src/page/app-view.ts'
import { html, toMarkup } from '../../../src/page/html.ts'
import { script } from '../../../src/page/script.ts'
import { style } from '../../../src/page/style.ts'
import { sayDuration } from '../../../src/page/words.ts'
import { begin, live } from '../../support/core.ts'
import {
  after,
  instanceAt,
  lettings,
  openingOf,
  placeAt,
  revisionAt,
  start,
} from '../../support/deployments.ts'
import { digestAt } from '../../support/examples.ts'
import { openSite } from '../../support/page-site.ts'

const app = '/app/oc-lettings'
const origin = {
  title: 'Let visitors search lettings by street and town',
  author: 'Ada Lovelace',
  login: 'ada',
  runUrl: 'https://github.com/acme/oc-lettings/actions/runs/9001234567',
  compareUrl: 'https://github.com/acme/oc-lettings/compare/0123456789ab...ba9876543210',
}

const endedAt = (number: number, changes: Partial<Ended> = {}): Ended => {
  const { deployment } = begin().open(openingOf(number, 1)).stored
  if (deployment === null) throw new Error('no deployment')
  return {
    ...deployment,
    generation: Generation.parse(number),
    openedAt: after(number),
    release: { ...deployment.release, generation: Generation.parse(number), origin },
    phase: 'ended',
    status: 'succeeded',
    reason: 'deployed',
    message: null,
    endedAt: after(number + 31),
    rolledBackBy: null,
    ...changes,
  }
}

const names = 'lock inspect pull configure predeploy start check switch drain retire prune'.split(
  ' ',
)

const stepsOf = (number: number, index: number, changes: Partial<StepRecord> = {}): StepRecord => ({
  generation: Generation.parse(number),
  instance: instanceAt(index),
  fence: Fence.parse(number),
  purpose: 'deploy',
  at: start,
  outcome: 'succeeded',
  reason: 'deployed',
  message: null,
  steps: names.map((name) => ({ name, status: 'succeeded', milliseconds: 1234, reason: null })),
  tail: [],
  ...changes,
})

const view = async (path: string, facts: Parameters<typeof openSite>[0]) => {
  const site = openSite(facts)
  return (await site.send(path, { cookie: site.signIn('operate') })).body
}

const bytes = (text: string): number => Buffer.byteLength(text)

describe('the size of the page', () => {
  it('is at most 30 kB of HTML with 20 instances, ten waiting commits and a full page of history', async () => {
    const { deployment, ...head } = live(20, 1, 2, 3).open(openingOf(4, 20)).dispatch().stored
    const observed = Array.from({ length: 20 }, (_, at) => placeAt(at + 1))
    const past = Array.from({ length: 60 }, (_, at) => endedAt(at + 1))
    const waiting = Array.from({ length: 10 }, (_, at) => revisionAt(at + 5, { digest: null }))
    const steps = Array.from({ length: 20 }, (_, at) => stepsOf(4, at + 1))
    const body = await view(app, {
      head: { ...head, deployment, observed },
      past,
      waiting,
      steps,
    })
    expect(body).toContain('Older')
    expect(bytes(body)).toBeLessThanOrEqual(30_000)
  })

  it('is at most 30 kB of HTML for 50 rows of history', () => {
    const history = Array.from({ length: 50 }, (_, at) => endedAt(at + 1))
    const rest = { open: null, steps: [], waiting: [], before: null, hasOlder: false }
    const model = { app: lettings, head: live(1, 1).stored, history, ...rest, lastSeconds: null }
    expect(bytes(toMarkup(renderHistory(model)))).toBeLessThanOrEqual(30_000)
  })

  it('is at most 30 kB of HTML for a deployment on 20 instances', async () => {
    const head = live(20, 1).open(openingOf(2, 20)).dispatch().stored
    const steps = Array.from({ length: 20 }, (_, at) => stepsOf(2, at + 1))
    expect(bytes(await view(`${app}/2`, { head, steps }))).toBeLessThanOrEqual(30_000)
  })

  it('counts the instances of a large fleet, and shows those first that failed', async () => {
    const { deployment, ...head } = live(1, 1).open(openingOf(2, 1000)).dispatch().stored
    if (deployment === null) throw new Error('no deployment')
    const instances = deployment.instances.map((one, at) =>
      at === 999 ? { ...one, status: 'failed' as const } : one,
    )
    const body = await view(`${app}/2`, {
      head: { ...head, deployment: { ...deployment, instances } },
    })
    expect(body).toContain('and 950 more')
    expect(body.indexOf('failed')).toBeLessThan(body.indexOf('pending'))
    expect(bytes(body)).toBeLessThanOrEqual(30_000)
  })

  it('is at most 6 kB of style and 3 kB of script', () => {
    expect(bytes(style)).toBeLessThanOrEqual(6000)
    expect(bytes(script)).toBeLessThanOrEqual(3000)
    expect(() => new Script(script)).not.toThrow()
  })

  it('loads no font, no image and nothing of another site', async () => {
    const body = await view(app, { head: live(1, 1).stored, past: [endedAt(1)] })
    expect(style).not.toMatch(/url\(|@import|@font-face/)
    expect(body).not.toMatch(/<img|<iframe|<object|style="|<style|onclick|srcset/)
    const loaded = [...body.matchAll(/(?:src|<link[^>]* href)="([^"]*)"/g)].map(([, to]) => to)
    expect(loaded.every((to) => to?.startsWith('/assets/'))).toBe(true)
  })
})

describe('what strangers wrote', () => {
  const evil = '<script>alert(1)</script>"\u202E\u001b[31m\''
  const bad = { ...origin, title: evil, author: evil, login: evil, runUrl: 'javascript:alert(1)' }

  it('is inert text in titles, reasons, messages, names and tails', async () => {
    const failed = endedAt(2, {
      status: 'failed',
      reason: 'unhealthy',
      message: evil,
      by: evil,
      release: { ...endedAt(2).release, origin: bad },
    })
    const tail = [evil, '\u001b]8;;https://evil.example\u0007link', 'a\u2028b']
    const steps = [stepsOf(2, 1, { outcome: 'failed', reason: 'unhealthy', message: evil, tail })]
    const core = live(1, 1).say({ kind: 'freeze', reason: evil }, evil)
    const facts = { head: core.stored, past: [failed], steps, waiting: [] }
    for (const path of ['/', app, `${app}/2`]) {
      const body = await view(path, facts)
      expect(body).not.toMatch(/<script>|javascript:|[\u202A-\u202E\u2066-\u2069]/)
      expect(body).not.toContain('\u001b')
      expect(body).toContain('&lt;script&gt;')
    }
  })

  it('is cut where it is too long: 200 lines of 300 characters', async () => {
    const tail = Array.from({ length: 900 }, (_, at) => `${at} ${'x'.repeat(9000)}`)
    const steps = [stepsOf(2, 1, { outcome: 'failed', reason: 'unhealthy', tail })]
    const past = [endedAt(2, { status: 'failed', reason: 'unhealthy' })]
    const body = await view(`${app}/2`, { head: live(1, 1).stored, past, steps })
    expect(body).toContain('The last 200 lines')
    expect(body.match(/x{100,}/g)).toHaveLength(200)
    expect(bytes(body)).toBeLessThan(80_000)
  })
})

describe('the page of an app', () => {
  it('says what is live, what is open, what waits and lacks, and who freezes it', async () => {
    const head = live(1, 1, 2)
      .open(openingOf(3, 1))
      .dispatch()
      .say({ kind: 'freeze', reason: 'exams' })
    const waiting = [revisionAt(4, { ci: {}, digest: null, push: null })]
    const body = await view(app, { head: head.stored, past: [endedAt(2)], waiting })
    expect(body).toMatch(/frozen<\/b> exams/)
    expect(body).toContain('Live: <a href="/app/oc-lettings/2">#2</a>')
    expect(body).toContain('Open: <a href="/app/oc-lettings/3">#3</a>')
    expect(body).toMatch(/lacks: [^<]*github workflow CI/)
    expect(body).toContain('last time 31 s')
    expect(body).toMatch(/deployed by github/)
  })

  it('does not say of the open commit that it waits', async () => {
    const head = live(1, 1).open(openingOf(2, 1)).dispatch().stored
    const body = await view(app, { head, waiting: [revisionAt(2)] })
    expect(body).toContain('No commit waits.')
  })

  it('has words beside colours, and one heading of the first level', async () => {
    const body = await view(app, { head: live(1, 1).stored, past: [endedAt(1)] })
    expect(body.match(/<h1>/g)).toHaveLength(1)
    expect(body).toContain('<b class="ok">succeeded</b>')
    expect(body).toContain('lang="en"')
  })

  it('shows quarantined commits without a value of their settings', async () => {
    const stored = live(1, 1).stored
    const quarantine = [{ digest: digestAt(9), secretVersion: null, env: { KEY: 'value-of-it' } }]
    const body = await view(app, { head: { ...stored, quarantine } })
    expect(body).toContain('In quarantine: 1')
    expect(body).not.toContain('value-of-it')
  })

  it('turns the pages of the history', async () => {
    const past = Array.from({ length: 45 }, (_, at) => endedAt(at + 1))
    const first = await view(app, { head: live(1, 1).stored, past })
    expect(first).toContain(`href="${app}?before=26"`)
    const last = await view(`${app}?before=6`, { head: live(1, 1).stored, past })
    expect(last).toContain('>#5<')
    expect(last).not.toContain('>#6<')
    expect(last).not.toContain('Older')
  })

  it('links a waiting, live and past commit to GitHub', async () => {
    const body = await view(app, { head: live(1, 1).stored, past: [endedAt(1)] })
    expect(body).toContain('href="https://github.com/acme/oc-lettings/commit/')
    expect(headLimits.releases).toBe(5)
  })
})

describe('the page of a deployment', () => {
  it('says the reason in words with its code, and shows the tail', async () => {
    const tail = ['Traceback', 'KeyError: SECRET_KEY']
    const steps = [stepsOf(2, 1, { outcome: 'failed', reason: 'exited', tail })]
    const past = [endedAt(2, { status: 'failed', reason: 'exited', message: 'it exited with 1' })]
    const body = await view(`${app}/2`, { head: live(1, 1).stored, past, steps })
    expect(body).toContain('The container exited or restarted before it was healthy.')
    expect(body).toContain('docs/reasons.md#exited')
    expect(body).toContain('KeyError: SECRET_KEY\n')
    expect(body).toContain('it exited with 1')
  })

  it('names what changed since the release before, by its name alone', async () => {
    const stored = live(1, 1).stored
    const ended = endedAt(2)
    const settings = { ...ended.release.settings, env: { DEBUG: 'secret-value' } }
    const past = [{ ...ended, release: { ...ended.release, settings } }]
    const body = await view(`${app}/2`, { head: stored, past })
    expect(body).toContain('changed since #1')
    expect(body).toContain('image, env DEBUG')
    expect(body).not.toContain('secret-value')
  })

  it('links to what reconcile logged about it, where the API is at AWS', async () => {
    const facts = { head: live(1, 1).stored, past: [endedAt(2)] }
    const apiUrl = 'https://x.execute-api.eu-west-3.amazonaws.com'
    const body = await view(`${app}/2`, { ...facts, apiUrl })
    const [, url = ''] = /href="(https:\/\/console[^"]*)"/.exec(body) ?? []
    const { origin: at, hash } = new URL(url.replaceAll('&amp;', '&'))
    expect(at).toBe('https://console.aws.amazon.com')
    expect(decodeURIComponent(decodeURIComponent(hash.replaceAll('$', '%')))).toBe(
      '#logsV2:log-groups/log-group//aws/lambda/landfall-prod-reconcile/log-events?filterPattern={ $.app = "oc-lettings" && $.generation = 2 }',
    )
    expect(await view(`${app}/2`, facts)).not.toContain('console.aws')
  })

  it('offers the way back to a kept release, and none to what is live', async () => {
    const head = live(1, 1, 2, 3).stored
    const past = [1, 2, 3].map((number) => endedAt(number))
    expect(await view(`${app}/1`, { head, past })).toContain('Roll back #3 → #1')
    expect(await view(`${app}/3`, { head, past })).not.toContain('Roll back')
  })
})

it.each([
  [0.04, '0 s'],
  [1.84, '1.8 s'],
  [31.2, '31 s'],
  [59.6, '1 min 0 s'],
  [125, '2 min 5 s'],
  [3840, '1 h 4 min'],
])('says %s seconds as %s', (seconds, said) => {
  expect(sayDuration(seconds)).toBe(said)
  expect(toMarkup(html`${said}`)).toBe(said)
})
