import type { HerokuSettings, RenderSettings } from '../../src/deployment/app.ts'
import { TargetKey } from '../../src/kernel/id.ts'

const single = {
  instances: null,
  hosts: [],
  predeploy: null,
  rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds: 0 },
  drift: 'repair',
  replaces: null,
  metadata: 'allow',
  canBeAsked: false,
} as const

/** A Render service as `src/config` normalises it. */
export const renderTarget = (changes: Partial<RenderSettings> = {}): RenderSettings => {
  const { service = 'srv-1', key = TargetKey.parse(`render:${service}`) } = changes
  return {
    kind: 'render',
    key,
    ...single,
    service,
    token: 'landfall/render',
    env: 'sync',
    ...changes,
  }
}

/** A Heroku app as `src/config` normalises it. */
export const herokuTarget = (changes: Partial<HerokuSettings> = {}): HerokuSettings => {
  const { app = 'shop', key = TargetKey.parse(`heroku:${app}`) } = changes
  return {
    kind: 'heroku',
    key,
    ...single,
    app,
    process: 'web',
    token: 'landfall/heroku',
    release: null,
    env: 'sync',
    health: {
      path: '/',
      expect: { from: 200, to: 299 },
      contains: null,
      scheme: 'https',
      times: 2,
      timeoutSeconds: 120,
    },
    ...changes,
  }
}

/** Of the first, second … fleet of an app in these tests; `ec2()` is the first. */
export const keyAt = (index: number): TargetKey =>
  TargetKey.parse(index === 0 ? 'ec2:Name=lettings' : `ec2:Name=lettings-${index}`)
