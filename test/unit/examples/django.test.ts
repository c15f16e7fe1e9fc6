import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { parseConfiguration } from '../../../src/config/read.ts'
import { exampleImage } from '../../support/django-ci.ts'
import { readCircleciPipeline } from '../../support/pipeline-circleci.ts'
import { readGithubPipeline } from '../../support/pipeline-github.ts'
import type { Pipeline, Trigger } from '../../support/pipeline.ts'

const read = (file: string): string => readFileSync(`examples/django/${file}`, 'utf8')
const files = {
  github: read('.github/workflows/ci.yml'),
  circleci: read('.circleci/config.yml'),
}
const trigger: Trigger = {
  event: 'push',
  branch: 'main',
  commit: '9be01d4',
  secrets: { DOCKERHUB_USERNAME: 'acme', DOCKERHUB_TOKEN: 'token' },
}
const parsed = parseConfiguration(read('landfall.yml'), 'landfall.yml')

const openSchema = (name: string) => {
  const schema = readFileSync(`test/support/schemas/${name}.json`, 'utf8')
  const Schema = z.record(z.string(), z.unknown())
  return new Ajv({ strict: false, allErrors: true }).compile(Schema.parse(JSON.parse(schema)))
}

const jobsOf = ({ jobs }: Pipeline): readonly string[] => jobs.map(({ name }) => name)

describe('the pipelines of examples/django', () => {
  it.each([
    ['github', 'github-workflow', 'needs: test', 'need: test'],
    ['circleci', 'circleci', 'docker:', 'dokcer:'],
  ] as const)('%s: valid by the published schema, which finds a mistake', (ci, schema, of, by) => {
    const isValid = openSchema(schema)
    expect([isValid(parse(files[ci])), isValid.errors]).toEqual([true, null])
    expect(isValid(parse(files[ci].replace(of, by)))).toBe(false)
  })

  it('push an image for a commit of main, after the tests', () => {
    for (const pipeline of [
      readGithubPipeline(files.github, trigger),
      readCircleciPipeline(files.circleci, trigger),
    ]) {
      expect(jobsOf(pipeline)).toEqual(['test', 'image'])
      expect(pipeline.jobs[1]?.requires).toEqual(['test'])
    }
  })

  it('only test a pull request and another branch', () => {
    const elsewhere: Trigger = { ...trigger, branch: 'feature' }
    const request: Trigger = { ...elsewhere, event: 'pull_request' }
    expect(jobsOf(readGithubPipeline(files.github, request))).toEqual(['test'])
    expect(jobsOf(readGithubPipeline(files.github, elsewhere))).toEqual([])
    expect(jobsOf(readCircleciPipeline(files.circleci, elsewhere))).toEqual(['test'])
  })

  it('hold the keys of Docker Hub and no other', () => {
    const used = Object.values(files).flatMap((text) => text.match(/\b[A-Z]+_[A-Z_]+\b/g) ?? [])
    expect([...new Set(used)].toSorted()).toEqual(['DOCKERHUB_TOKEN', 'DOCKERHUB_USERNAME'])
    expect(Object.values(files).join('\n')).not.toMatch(/\b(ssh|aws|heroku)\b/i)
  })

  it('use each action in one version, named by its commit', () => {
    const used = files.github.match(/uses: .*/g) ?? []
    expect(used.length).toBeGreaterThan(4)
    for (const one of used)
      expect(one).toMatch(/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
    expect(new Set(used.map((one) => one.split('@')[0])).size).toBe(new Set(used).size)
  })
})

describe('landfall.yml of examples/django', () => {
  const apps = parsed.ok ? parsed.value.configuration.apps : []

  it('is right for EC2, Render and Heroku', () => {
    expect(parsed).toMatchObject({ ok: true })
    const kinds = apps.flatMap(({ targets }) => targets.map(({ kind }) => kind))
    expect(kinds).toEqual(['ec2', 'render', 'heroku'])
  })

  it('requires the workflows and names the image as the pipelines do', () => {
    const workflows = {
      github: readGithubPipeline(files.github, trigger).workflow,
      circleci: readCircleciPipeline(files.circleci, trigger).workflow,
    }
    for (const app of apps) {
      expect(app.image).toBe(exampleImage)
      const [ci] = app.requires.filter(({ kind }) => kind === 'ci')
      expect(ci).toMatchObject({ kind: 'ci', workflow: ci?.kind === 'ci' && workflows[ci.ci] })
    }
    for (const text of Object.values(files)) expect(text).toContain(`IMAGE: ${exampleImage} #`)
  })

  it('passes each app what its settings need', () => {
    const needed = [...read('config/settings.py').matchAll(/required\("(\w+)"\)/g)].map(
      ([, name = '']) => name,
    )
    expect(needed.toSorted()).toEqual([
      'ALLOWED_HOSTS',
      'DATABASE_PATH',
      'DATABASE_URL',
      'SECRET_KEY',
    ])
    for (const { env, secrets } of apps) {
      expect(Object.keys(env)).toContain('ALLOWED_HOSTS')
      expect(secrets).not.toBeNull()
    }
  })
})
