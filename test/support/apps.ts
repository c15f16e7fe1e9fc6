import type { App, Configuration } from '../../src/deployment/app.ts'
import { AppName, Commit } from '../../src/kernel/id.ts'

export const commit = Commit.parse('0123456789abcdef0123456789abcdef01234567')

export const appOf = (name: string, settings: Partial<App> = {}): App => ({
  name: AppName.parse(name),
  repository: 'acme/oc-lettings',
  repositoryId: null,
  branch: 'main',
  image: 'acme/oc-lettings',
  tag: '{commit}',
  environment: 'production',
  deploy: 'automatic',
  requires: [{ kind: 'ci', ci: 'github', workflow: 'CI' }, { kind: 'image' }],
  waitForSeconds: 3600,
  deadlineSeconds: 900,
  env: {},
  secrets: null,
  registry: null,
  registryRealm: null,
  targets: [],
  rollback: null,
  reports: { github: null, githubDescription: 'reason', notice: null, sentry: null },
  ...settings,
})

export const configurationOf = (...apps: readonly App[]): Configuration => ({
  sources: {
    github: { secret: 'landfall/test/github' },
    circleci: null,
    'docker-hub': { secret: 'landfall/test/docker-hub' },
  },
  kms: [],
  apps,
})
