import type { App, Ec2Settings, Requirement, TargetSettings } from './frozen/deployment/app.ts'
import { AppName, Commit, Digest, InstanceId } from './frozen/kernel/id.ts'
import type { Setup, Version } from './story.ts'

export const name = AppName.parse('oc-lettings')
export const secretName = 'landfall/oc-lettings'
export const service = InstanceId.parse('srv-lettings')

export const commitAt = (index: number): Commit => Commit.parse(String(index).padStart(40, '0'))
export const digestAt = (index: number): Digest =>
  Digest.parse(`sha256:${String(index).padStart(64, '0')}`)
export const indexOf = (digest: Digest): number => Number(digest.replace('sha256:', ''))

/** Fleets are told apart by the tag that selects them. */
export const fleetName = (fleet: number): string => `fleet-${fleet}`

const toEc2 = (setup: Setup, version: Version, fleet: number): Ec2Settings => ({
  kind: 'ec2',
  instances: { kind: 'tag', key: 'Name', value: fleetName(fleet) },
  strategy: 'blue-green',
  port: 8000,
  publish: { address: null, port: 80 },
  hosts: ['lettings.example.com'],
  replaces: setup.hasReplaces ? 'lettings-by-hand' : null,
  predeploy: version.hasPredeploy ? ['python', 'manage.py', 'migrate'] : null,
  run: { command: [], volumes: [], networks: [], memory: null, stopTimeoutSeconds: 30 },
  holdSeconds: 30,
  health: {
    path: '/',
    host: null,
    expect: { from: 200, to: 399 },
    intervalSeconds: 1,
    times: 2,
    timeoutSeconds: 120,
  },
  rollout: { batch: version.batch, pauseSeconds: version.pauseSeconds },
  keep: 5,
  drift: version.drift,
})

const render: TargetSettings = {
  kind: 'render',
  service,
  token: 'landfall/render',
  env: 'leave',
}

const toRequirement = (name: 'github' | 'circleci' | 'image'): Requirement => {
  switch (name) {
    case 'github':
      return { kind: 'ci', ci: 'github', workflow: 'CI' }
    case 'circleci':
      return { kind: 'ci', ci: 'circleci', workflow: 'ci' }
    case 'image':
      return { kind: 'image' }
  }
}

/** What landfall.yml says of the app at one time; `environment` names the version wherever it is seen. */
export const toApp = (setup: Setup, version: Version, index: number): App => {
  const fleets = setup.fleets.map((_, fleet) => toEc2(setup, version, fleet))
  const all: readonly TargetSettings[] = [
    ...(setup.render === 'first' ? [render] : []),
    ...fleets,
    ...(setup.render === 'last' ? [render] : []),
  ]
  const reportOf = (channel: 'notice' | 'github' | 'sentry') =>
    setup.reports.includes(channel) ? `landfall/${channel}` : null
  return {
    name,
    repository: 'acme/oc-lettings',
    branch: 'main',
    image: 'acme/oc-lettings',
    tag: setup.tag,
    environment: `version-${index}`,
    requires: setup.requires.map(toRequirement),
    waitForSeconds: setup.waitForSeconds,
    deadlineSeconds: version.deadlineSeconds,
    env: { MODE: version.env },
    secrets: setup.hasSecret ? secretName : null,
    registry: null,
    targets: all.slice(0, version.targets),
    rollback: version.hasAlarms
      ? {
          alarms: ['errors', 'latency'],
          windowSeconds: setup.windowSeconds,
          secrets: version.secrets,
        }
      : null,
    reports: {
      github: reportOf('github'),
      notice: reportOf('notice'),
      sentry: reportOf('sentry'),
    },
  }
}
