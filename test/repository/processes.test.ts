import { describe, expect, it } from 'vitest'
import { parseConfiguration } from '../../src/config/read.ts'
import { match } from '../../src/delivery/match.ts'
import type { CiRunFacts } from '../../src/sources/source.ts'
import { commit } from '../support/apps.ts'
import { blocksOf } from '../support/pages.ts'

const file = 'docs/processes.md'
const [snippet = '', ...others] = blocksOf(file, 'yaml')
const parsed = parseConfiguration(snippet, file)
const apps = parsed.ok ? parsed.value.configuration.apps : []

const ec2Of = (name: string) => {
  const [target] = apps.find((app) => app.name === name)?.targets ?? []
  return target?.kind === 'ec2' ? target : null
}

describe('docs/processes.md', () => {
  it('docs/processes.md shows one landfall.yml, without mistakes and warnings', () => {
    expect(others).toEqual([])
    expect(parsed).toMatchObject({ ok: true, value: { warnings: [] } })
  })

  it('docs/processes.md shows a web app and a worker of one image on the same instances', () => {
    expect(apps.map(({ name }) => name)).toEqual(['shop', 'shop-worker'])
    for (const key of ['image', 'repository', 'requires', 'secrets', 'env', 'rollback'] as const)
      expect(apps[0]?.[key]).toEqual(apps[1]?.[key])
    const [web, worker] = [ec2Of('shop'), ec2Of('shop-worker')]
    expect([web?.strategy, worker?.strategy]).toEqual(['blue-green', 'worker'])
    expect(web?.instances).toEqual(worker?.instances)
    expect(web?.predeploy).not.toBeNull()
    expect(worker).toMatchObject({ predeploy: null, port: null, publish: null })
    expect(worker?.run.command).not.toEqual([])
  })

  it('docs/processes.md shows apps for which one green run is evidence', () => {
    const createdAt = '2026-11-20T10:00:00.000Z'
    const run: CiRunFacts = {
      kind: 'ci_run',
      ci: 'github',
      repository: 'acme/shop',
      repositoryId: 1,
      branch: 'main',
      commit,
      isPush: true,
      workflow: 'CI',
      workflowPath: null,
      projectId: null,
      runId: '1',
      runNumber: 1,
      attempt: 1,
      createdAt,
      conclusion: 'success',
      origin: null,
    }
    const matched = match(run, apps, createdAt)
    const names = matched.ok ? matched.value.map(({ app }) => app) : []
    expect(names).toEqual(['shop', 'shop-worker'])
  })
})
