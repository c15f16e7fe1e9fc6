import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { parseConfiguration } from '../../src/config/read.ts'
import { blocksOf } from '../support/pages.ts'
import { readCircleciPipeline } from '../support/pipeline-circleci.ts'
import { readGithubPipeline } from '../support/pipeline-github.ts'
import type { Trigger } from '../support/pipeline.ts'

const file = 'docs/pipelines.md'
const page = readFileSync(file, 'utf8')

const readBlock = (text: string) => {
  const parsed = parseConfiguration(text, file)
  return parsed.ok
    ? { ...parsed.value, mistakes: [] }
    : { configuration: null, warnings: [], mistakes: parsed.error }
}

const openSchema = (name: string) => {
  const schema = readFileSync(`test/support/schemas/${name}.json`, 'utf8')
  const Schema = z.record(z.string(), z.unknown())
  return new Ajv({ strict: false, allErrors: true, logger: false }).compile(
    Schema.parse(JSON.parse(schema)),
  )
}
const schemas = { github: openSchema('github-workflow'), circleci: openSchema('circleci') }

/** The file before or after the change: without the lines of the other one. */
const takeSide = (diff: string, without: '+' | '-'): string =>
  diff
    .split('\n')
    .filter((line) => !line.startsWith(without))
    .map((line) => line.slice(1))
    .join('\n')

/** The variables of the CI that a pipeline names, without those that the CI sets itself. */
const variablesOf = (pipeline: string): readonly string[] => [
  ...new Set(
    [...pipeline.matchAll(/secrets\.(\w+)|"\$([A-Z]\w+_\w+)"/g)].flatMap(
      ([, secret, variable]) => secret ?? variable ?? [],
    ),
  ),
]

interface Section {
  readonly title: string
  readonly before: string
  readonly after: string
  readonly ci: 'github' | 'circleci'
  readonly stay: readonly string[]
  readonly go: readonly string[]
  readonly configuration: string | null
}

const toSection = (text: string): Section => {
  const [title = ''] = text.split('\n')
  const [, diff = ''] = /^```diff\n(.*?)^```/ms.exec(text) ?? []
  const rows = [...text.matchAll(/^\| (`[A-Z].*?) \| (.*?) \|$/gm)]
  const namesIn = (isStaying: boolean): readonly string[] =>
    rows
      .filter(([, , then = '']) => then.startsWith('stay') === isStaying)
      .flatMap(([, names = '']) => [...names.matchAll(/`([A-Z]\w+)`/g)].map(([, one = '']) => one))
  return {
    title,
    before: takeSide(diff, '+'),
    after: takeSide(diff, '-'),
    ci: diff.includes('version: 2.1') ? 'circleci' : 'github',
    stay: namesIn(true),
    go: namesIn(false),
    configuration: /^```yaml\n(.*?)^```/ms.exec(text)?.[1] ?? null,
  }
}

const sections = page
  .split('\n## ')
  .filter((text) => text.includes('\n```diff\n'))
  .map(toSection)

const readPipeline = ({ ci, after, stay }: Section, trigger: Pick<Trigger, 'event' | 'branch'>) =>
  (ci === 'github' ? readGithubPipeline : readCircleciPipeline)(after, {
    ...trigger,
    commit: '9be01d4',
    secrets: Object.fromEntries(stay.map((name) => [name, 'x'])),
  })

/** A section without a landfall.yml of its own has the one before it. */
const appOf = (section: Section) => {
  const own = sections.slice(0, sections.indexOf(section) + 1)
  const text = own.findLast(({ configuration }) => configuration !== null)?.configuration ?? ''
  const [app] = readBlock(text).configuration?.apps ?? []
  if (app === undefined) throw new Error(`${section.title}: no app`)
  return app
}

describe('docs/pipelines.md', () => {
  it('docs/pipelines.md has a section for each kind of team', () => {
    expect(sections.map(({ ci }) => ci)).toEqual([
      'github',
      'github',
      'circleci',
      'circleci',
      'circleci',
    ])
    const targets = sections.map((section) => appOf(section).targets[0]?.kind)
    expect(targets).toEqual(['ec2', 'render', 'render', 'heroku', 'heroku'])
  })

  it.each(blocksOf(file, 'yaml'))(
    'its landfall.yml has no mistakes and no warnings (%#)',
    (text) => {
      const { mistakes, warnings } = readBlock(text)
      expect(mistakes).toEqual([])
      expect(warnings).toEqual([])
    },
  )

  const calls = [...page.matchAll(/npx sls invoke -f (\w+) --stage prod +-d '([^']+)'/g)].map(
    ([call, name = '', input = '']) => ({ call, name, input }),
  )

  it.each(calls)('the call $call is accepted', async ({ name, input }) => {
    const Handler = z.object({ handler: z.custom<(input: unknown) => Promise<unknown>>() })
    const { handler } = Handler.parse(await import(`../../handlers/${name}.ts`))
    const call = handler(JSON.parse(input)).catch((error: unknown) => String(error))
    const answer = JSON.stringify(await call)
    // Its input is accepted, and it looks for its environment, which is not here.
    expect(answer).toMatch(/TABLE_NAME|landfall.yml/)
  })
})

describe.each(sections)('docs/pipelines.md: $title', (section) => {
  const { ci, before, after, stay, go } = section

  it('is valid before and after the change', () => {
    const isValid = schemas[ci]
    for (const text of [before, after])
      expect([isValid(parse(text)), isValid.errors]).toEqual([true, null])
    expect(after).not.toBe(before)
  })

  it('tests and then pushes the image for a push to the branch, and does no more', () => {
    const { branch } = appOf(section)
    const { jobs } = readPipeline(section, { event: 'push', branch })
    expect(jobs.map(({ name }) => name)).toEqual(['test', 'image'])
    expect(jobs[1]?.requires).toEqual(['test'])
    const deploying = /ssh-action|heroku|render/i
    expect([deploying.test(before), deploying.test(after)]).toEqual([true, false])
  })

  it('pushes no image for another branch or a pull request', () => {
    const others = [{ event: 'push', branch: 'feature' } as const]
    const requests = [{ event: 'pull_request', branch: 'feature' } as const]
    for (const trigger of ci === 'github' ? [...others, ...requests] : others)
      expect(readPipeline(section, trigger).jobs.map(({ name }) => name)).not.toContain('image')
  })

  it('names the workflow and the image as its landfall.yml', () => {
    const app = appOf(section)
    const { workflow } = readPipeline(section, { event: 'push', branch: app.branch })
    expect(app.requires).toContainEqual({ kind: 'ci', ci, workflow })
    const commit = ci === 'github' ? '${{ github.sha }}' : '$CIRCLE_SHA1'
    expect([app.tag, after.includes(`${app.image}:${commit}`)]).toEqual(['{commit}', true])
  })

  it('says of each variable of the CI whether it stays', () => {
    const named = [...stay, ...go]
    expect(variablesOf(before).filter((name) => !named.includes(name))).toEqual([])
    expect(variablesOf(after).toSorted()).toEqual(stay.toSorted())
    expect(go.filter((name) => after.includes(name))).toEqual([])
    expect(go.length).toBeGreaterThan(0)
  })
})
