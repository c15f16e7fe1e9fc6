import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { reasons } from '../../src/kernel/reason.ts'
import { circleci } from '../../src/sources/circleci.ts'
import { createDockerHub } from '../../src/sources/docker-hub.ts'
import { githubSource } from '../../src/sources/github.ts'

const page = readFileSync('docs/sources.md', 'utf8')
const sections = new Map(
  page.split('\n## ').map((section) => [section.split('\n')[0] ?? '', section]),
)
const service = z
  .object({ functions: z.object({ webhook: z.object({ events: z.array(z.unknown()) }) }) })
  .parse(parse(readFileSync('serverless.yml', 'utf8'), { logLevel: 'error' }))
const routes = z
  .array(z.object({ httpApi: z.string() }))
  .parse(service.functions.webhook.events)
  .map(({ httpApi }) => httpApi)

describe('docs/sources.md', () => {
  it.each([
    { title: 'GitHub', source: githubSource },
    { title: 'CircleCI', source: circleci },
    { title: 'Docker Hub', source: createDockerHub(new Set()) },
  ])('docs/sources.md has the path, content types and setup of $title', ({ title, source }) => {
    const section = sections.get(title) ?? ''
    const route = routes.find((one) => one.startsWith(`POST /hooks/${source.name}`))
    expect(section).toContain(`\`${route}\``)
    const types = ['application/json', 'application/x-www-form-urlencoded']
    expect(types.filter((type) => section.includes(`\`${type}\``))).toEqual(source.contentTypes)
    expect(section).toContain('**Set up.**')
  })

  it('docs/sources.md names only existing reasons', () => {
    const named = [...page.matchAll(/\d{3} `(\w+)`/g)].map(([, name]) => name)
    expect(named.length).toBeGreaterThan(4)
    expect(Object.keys(reasons)).toEqual(expect.arrayContaining(named))
  })
})
