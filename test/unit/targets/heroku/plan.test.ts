import { afterEach, describe, expect, test } from 'vitest'
import { Generation } from '../../../../src/kernel/id.ts'
import {
  herokuApp,
  herokuId,
  imageIdOf,
  releaseOf,
  settingsOf,
  shopOf,
  startHerokuStage,
  type HerokuStage,
} from '../../../support/heroku-stage.ts'
import { digestOf } from '../../../support/service-stage.ts'

let stage: HerokuStage
const open = async (...given: Parameters<typeof startHerokuStage>): Promise<void> => {
  stage = await startHerokuStage(...given)
  stage.secrets.set('landfall/test/shop current', '{"SECRET_KEY":"planted-one"}')
}
afterEach(async () => {
  await stage.stop()
  expect(stage.server.violations).toEqual([])
})

const live = { generation: Generation.parse(1), digest: digestOf('a') }

/** What `plan` shows: the findings in a line each, and the steps. */
const plan = async (settings = settingsOf(), isLive = false, before = settingsOf()) => {
  const app = shopOf({ targets: [settings] })
  const view = await stage
    .view(settings)
    .look({ app, target: 0, commit: null, digest: digestOf('b') })
  const opened = [{ id: herokuId, wave: 0 }]
  const planned = view.plan({ opened, predeployOn: null, live: isLive ? live : null, before })
  const lines = planned.findings.map(
    ({ level, what, reason, message }) => `${level} | ${what} | ${reason ?? '-'} | ${message}`,
  )
  return { lines, instance: planned.instances[0] }
}

const makeLive = async (): Promise<void> => {
  const order = stage.orderOf(releaseOf('a', 1))
  const { operation } = await stage.target.start(order)
  for (let looks = 0; looks < 40; looks += 1) {
    const [answer] = await stage.target.observe(order, operation ?? '')
    if (answer?.outcome === 'succeeded') return
    stage.pass(1)
  }
  throw new Error('it did not go live')
}

const gap = 'Heroku stops the old dyno before the new one answers'

describe('plan of an app at Heroku', () => {
  test('tells that redirects are followed no more, also where the statuses stay', async () => {
    await open()
    const { health } = settingsOf()
    const before = settingsOf({ health: { ...health, scheme: null } })
    const told =
      'warning | health | - | with the next deployment the health check counts no answer from a cache and no redirect to the same path; it follows no redirect any more'
    expect((await plan(settingsOf(), true, before)).lines).toContain(told)
  })

  test('tells that the health check no longer passes on a redirect', async () => {
    await open()
    const { health } = settingsOf()
    const before = settingsOf({ health: { ...health, expect: { from: 200, to: 399 } } })
    const told =
      'warning | health | - | with the next deployment the health check must answer 200-299, not 200-399 as now; it no longer passes on a redirect, such as to a login page or to https'
    expect((await plan(settingsOf(), false, before)).lines).toContain(told)
    const worker = await plan(settingsOf({ process: 'worker' }), false, before)
    expect(worker.lines).not.toContain(told)
  })

  test('says what would happen, with the names of the config vars', async () => {
    await open()
    stage.server.app(herokuApp).configVars.set('BY_HAND', 'kept')
    const { lines, instance } = await plan()
    expect(lines).toEqual([
      'fine | app | - | oc-lettings runs on the container stack; to be set: DEBUG, SECRET_KEY; left alone, and not in landfall.yml: BY_HAND',
    ])
    expect(instance).toMatchObject({ id: herokuId, name: herokuApp, online: true, serving: null })
    expect(instance?.would).toEqual([
      `bring the linux/amd64 image of ${digestOf('b')} to oc-lettings/web of Heroku's registry, where it is not there`,
      expect.stringMatching(/^set DEBUG, SECRET_KEY at Heroku.*the dynos restart twice$/),
      'run python manage.py migrate --noinput as the release phase; if it fails, nothing changes',
      'release it: the dynos of web restart',
      'wait until they are up and GET / passes 2 times; else go back',
    ])
    expect(JSON.stringify([lines, instance])).not.toContain('planted')
  })

  test.each([
    ['Eco dynos', { tier: 'eco' as const }, [`Eco dynos have no preboot; ${gap}`]],
    ['preboot that is off', { tier: 'standard-1x' as const }, ['preboot is off: heroku features']],
    ['preboot', { tier: 'standard-1x' as const, hasPreboot: true }, []],
    ['no dyno', { quantities: { web: 0 } }, ['no dyno of web is scaled, so a release fails']],
  ])('warns of a gap where there is one: %s', async (_, changes, texts) => {
    await open({ ...changes })
    stage.server.app(herokuApp).release({ web: imageIdOf(digestOf('f')) })
    stage.pass(30)
    const { lines } = await plan()
    const warnings = lines.filter((line) => line.startsWith('warning | dynos'))
    expect(warnings).toHaveLength(texts.length)
    for (const [at, text] of texts.entries()) expect(warnings[at]).toContain(text)
  })

  test('warns of a process type without dynos, which Heroku scales to none', async () => {
    await open()
    const { lines } = await plan(settingsOf({ process: 'worker' }))
    expect(lines[0]).toMatch(/^warning \| dynos \| unhealthy \| no dyno of worker is scaled/)
  })

  test.each([
    [
      'a stack',
      { stack: 'heroku-24' as const },
      /^problem \| app \| service_unsuitable \|.*stack:set/,
    ],
    ['no right', { isForbidden: true }, /^problem \| app \| target_unauthorized \|/],
    ['no app', { isGone: true }, /^problem \| app \| service_missing \|/],
  ])('has a problem and no steps: %s', async (_, changes, line) => {
    await open(changes)
    const { lines, instance } = await plan()
    expect(lines).toEqual([expect.stringMatching(line)])
    expect(instance?.would).toEqual([])
  })

  test('asks to try again where Heroku does not answer', async () => {
    await open()
    stage.server.fate = () => ({ kind: 'answer', status: 503 })
    const { lines } = await plan()
    expect(lines[0]).toMatch(/^problem \| app \| target_unavailable \|.*try again in a minute$/)
  })

  test('leaves config vars to Heroku where landfall.yml says so', async () => {
    await open()
    const { lines, instance } = await plan(settingsOf({ env: 'leave', release: null }))
    expect(lines.at(-1)).toMatch(/its config vars are left to Heroku$/)
    expect(instance?.would).toHaveLength(3)
  })

  test('knows what serves, and tells of a stranger’s release and of one in progress', async () => {
    await open()
    await makeLive()
    expect((await plan(settingsOf(), true)).instance?.serving).toEqual(live)
    stage.server.app(herokuApp).release({ web: imageIdOf(digestOf('f')) }, 'ada@example.com')
    const pending = await plan(settingsOf(), true)
    expect(pending.lines).toContainEqual(
      expect.stringMatching(/release \| - \| v\d+ .*in progress/),
    )
    stage.pass(30)
    const { lines, instance } = await plan(settingsOf(), true)
    expect(lines).toContainEqual(
      expect.stringMatching(/^warning \| serving \| - \| v\d+ \(Deployed web .*ada@example\.com\)/),
    )
    expect(instance?.serving).toBeNull()
  })
})
