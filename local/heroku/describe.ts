import type { HerokuApp } from './app.ts'
import type { Dyno } from './fleet.ts'
import { isEligible, type Release } from './release.ts'

const toTime = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
const since = '2026-01-05T09:00:00Z'

/** A fixed id for what has none here. */
const toId = (text: string): string =>
  `00000000-0000-4000-8000-${Buffer.from(text).toString('hex').padEnd(12, '0').slice(0, 12)}`

const sizes = { eco: 'Eco', basic: 'Basic', 'standard-1x': 'Standard-1X' }

const toRef = ({ id, settings }: HerokuApp) => ({ id, name: settings.name })

/** The schema's `app`. */
export const describeApp = (app: HerokuApp): unknown => {
  const { name, stack, isMaintenance } = app.settings
  const stackRef = { id: toId(stack), name: stack }
  const releasedAt = toTime(app.current().updatedAt)
  return {
    ...toRef(app),
    acm: false,
    archived_at: null,
    buildpack_provided_description: null,
    build_stack: stackRef,
    created_at: since,
    generation: { id: toId('cedar'), name: 'cedar' },
    git_url: `https://git.heroku.com/${name}.git`,
    internal_routing: null,
    maintenance: isMaintenance,
    owner: { email: 'team@example.com', id: toId('team') },
    organization: null,
    team: null,
    region: { id: toId('eu'), name: 'eu' },
    released_at: releasedAt,
    repo_size: null,
    slug_size: null,
    space: null,
    stack: stackRef,
    updated_at: releasedAt,
    web_url: app.webUrl,
  }
}

/** The schema's `release`; `url` is that of the server. */
export const describeRelease = (app: HerokuApp, release: Release, url: string) => ({
  id: release.id,
  version: release.version,
  addon_plan_names: [],
  artifacts: [],
  app: toRef(app),
  created_at: toTime(release.createdAt),
  current: release === app.current(),
  description: release.description,
  eligible_for_rollback: isEligible(release),
  output_stream_url: release.output === null ? null : `${url}/streams/${release.id}`,
  slug: null,
  status: release.status,
  updated_at: toTime(release.updatedAt),
  user: { email: release.by, id: toId(release.by) },
})

/** The schema's `dyno`. */
export const describeDyno = (app: HerokuApp, dyno: Dyno): unknown => ({
  id: dyno.id,
  app: toRef(app),
  attach_url: null,
  command: '',
  created_at: toTime(dyno.process.startedAt),
  name: dyno.process.name,
  release: { id: dyno.release.id, version: dyno.release.version },
  size: sizes[app.settings.tier],
  state: dyno.state,
  type: dyno.process.type,
  updated_at: toTime(dyno.updatedAt),
})

/** The schema's `formation`, of each process type that was released last. */
export const describeFormation = (app: HerokuApp): unknown => {
  const { quantities, tier } = app.settings
  return Object.keys(app.releases().at(-1)?.images ?? {}).map((type) => ({
    id: toId(type),
    app: toRef(app),
    command: '',
    created_at: since,
    dyno_size: { id: toId(tier), name: sizes[tier] },
    quantity: quantities[type] ?? 0,
    size: sizes[tier],
    type,
    updated_at: toTime(app.current().updatedAt),
  }))
}

/** The schema's `app-feature` named preboot. */
export const describePreboot = ({ settings }: HerokuApp): unknown => ({
  id: toId('preboot'),
  created_at: since,
  description: 'Provide seamless web dyno deploys',
  display_name: 'Preboot',
  doc_url: 'https://devcenter.heroku.com/articles/preboot',
  enabled: settings.hasPreboot,
  feedback_email: 'feedback@example.com',
  name: 'preboot',
  state: 'general',
  updated_at: since,
})
