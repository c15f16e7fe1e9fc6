import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Course as CourseAtHeroku } from '../../local/heroku/release.ts'
import type { Course } from '../../local/render/deploy.ts'
import { parseConfiguration } from '../../src/config/read.ts'
import * as heroku from '../support/heroku-stage.ts'
import { digestOf } from '../support/service-stage.ts'
import { releaseOf, service, startRenderStage } from '../support/render-stage.ts'
import { contract } from '../support/target-contract.ts'

const file = 'docs/targets.md'
const page = readFileSync(file, 'utf8')
const rowsOf = (pattern: RegExp): readonly (readonly string[])[] =>
  [...page.matchAll(pattern)].map(([, ...cells]) => cells)

describe('docs/targets.md', () => {
  it('docs/targets.md lists what the suite proves of every target', () => {
    const listed = rowsOf(/^\| (\S.*?) +\| yes +\| yes +\| yes +\|$/gm).map(([title]) => title)
    expect(listed).toEqual(contract.map(({ title }) => title))
  })

  const statuses = rowsOf(/^\| `(\w+)` +\| (waits|\w+: `\w+`) +\|$/gm)

  it.each([...statuses, ['of_next_year', 'waits']])(
    'docs/targets.md says what becomes of a deploy that is %s at Render: %s',
    async (status = '', said = '') => {
      const stage = await startRenderStage()
      const course: Course = status === 'live' ? { kind: 'live' } : { kind: 'stays', status }
      stage.server.service(service).settings.courseOf = () => course
      const order = stage.orderOf(releaseOf('a', 1))
      const { operation } = await stage.target.start(order)
      stage.pass(10)
      const [answer] = await stage.target.observe(order, operation ?? '')
      await stage.stop()
      const [outcome, reason = null] = said.replaceAll('`', '').split(': ')
      expect(answer).toMatchObject({ outcome: outcome === 'waits' ? 'waiting' : outcome, reason })
    },
  )

  it('docs/targets.md has every status of Render’s schema', () => {
    const schema = readFileSync('local/render/schema.ts', 'utf8')
    const list = /const status = z\.enum\(\[(.*?)\]\)/s.exec(schema)?.[1] ?? ''
    const known = [...list.matchAll(/'(\w+)'/g)].map(([, status = '']) => status)
    expect(known.length).toBeGreaterThan(0)
    expect(statuses.map(([status = '']) => status).toSorted()).toEqual(known.toSorted())
  })

  const atHeroku = rowsOf(/^\| ((?:the release|a dyno|the dynos|other code) .+?) +\| (.+?) +\|$/gm)
  const coursesAtHeroku: Readonly<Record<string, CourseAtHeroku>> = {
    'the release is `pending`': { kind: 'status', status: 'pending' },
    'the release is `expired`': { kind: 'status', status: 'expired' },
    'the release has an unknown status': { kind: 'status', status: 'of_next_year' },
    'the release is `failed`': { kind: 'release_failed', output: 'no table' },
    'a dyno is `starting`': { kind: 'never_up' },
    'a dyno is `crashed`': { kind: 'crashes' },
    'the dynos are `up`, and the check fails': { kind: 'sick', status: 500 },
    'the dynos are `up`, and the check passes': { kind: 'live' },
    'other code is released after it': { kind: 'live' },
  }

  it('docs/targets.md has each course of a release at Heroku', () => {
    expect(atHeroku.map(([row]) => row)).toEqual(Object.keys(coursesAtHeroku))
  })

  it.each(atHeroku)(
    'docs/targets.md says what becomes of a deployment where at Heroku %s: %s',
    async (row = '', said = '') => {
      const stage = await heroku.startHerokuStage()
      const app = stage.server.app(heroku.herokuApp)
      // The release before it, of config vars alone, has no image yet.
      app.settings.courseOf = ({ images }) =>
        images['web'] === undefined ? null : (coursesAtHeroku[row] ?? null)
      const order = stage.orderOf(heroku.releaseOf('a', 1))
      const { operation } = await stage.target.start(order)
      const look = async () => (await stage.target.observe(order, operation ?? ''))[0]
      const loadVersion = async () =>
        (await stage.records.loadDeploy(heroku.settingsOf()))?.version ?? null
      for (let looks = 0; looks < 60 && (await loadVersion()) === null; looks += 1) {
        await look()
        stage.pass(1)
      }
      expect(await loadVersion()).not.toBeNull()
      if (row.startsWith('other code'))
        app.release({ web: heroku.imageIdOf(digestOf('b')) }, 'ada@example.com')
      let answer = await look()
      // A check may fail for two minutes; a dyno that binds no port crashes after one.
      const most = said === 'waits' ? 30 : 150
      for (let looks = 0; looks < most && answer?.outcome === 'waiting'; looks += 1) {
        stage.pass(1)
        answer = await look()
      }
      await stage.stop()
      const [outcome, reason = null] = said.replaceAll('`', '').split(': ')
      expect(answer).toMatchObject({ outcome: outcome === 'waits' ? 'waiting' : outcome, reason })
    },
  )

  it('docs/targets.md shows a landfall.yml without mistakes and warnings', () => {
    const snippets = rowsOf(/^```yaml\n(.*?)^```/gms).map(([text = '']) => text)
    expect(snippets).toHaveLength(2)
    for (const snippet of snippets)
      expect(parseConfiguration(snippet, file)).toMatchObject({ ok: true, value: { warnings: [] } })
  })
})
