import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Course } from '../../local/render/deploy.ts'
import { parseConfiguration } from '../../src/config/read.ts'
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

  it('docs/targets.md shows a landfall.yml without mistakes and warnings', () => {
    const snippets = rowsOf(/^```yaml\n(.*?)^```/gms).map(([text = '']) => text)
    expect(snippets).toHaveLength(2)
    for (const snippet of snippets)
      expect(parseConfiguration(snippet, file)).toMatchObject({ ok: true, value: { warnings: [] } })
  })
})
