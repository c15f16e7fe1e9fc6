import type { App, Configuration } from '../deployment/app.ts'
import type { Result } from '../kernel/result.ts'
import { parseImage } from '../registry/image.ts'
import { dockerHubToken } from '../sources/docker-hub.ts'
import type { SourceName, SourceSecrets } from '../sources/source.ts'

/** One webhook as it is entered at its sender. */
export interface Hook {
  readonly sender: 'GitHub' | 'CircleCI' | 'Docker Hub'
  /** The page to enter it on. */
  readonly page: string
  /** Null where the secret that its token is made with cannot be read. */
  readonly url: string | null
  readonly contentType: string
  /** Which events to tick, as the page names them. */
  readonly events: readonly string[]
  /** What to enter as the secret. */
  readonly secret: string
}

export interface AppHooks {
  readonly app: string
  readonly hooks: readonly Hook[]
}

interface HookContext {
  readonly sources: Configuration['sources']
  /** Where the API answers, without a slash at its end. */
  readonly apiUrl: string
  readonly dockerHub: Result<SourceSecrets, 'secret_unavailable'>
}

const valueOf = (name: string): string => `the value of the secret ${name}`

const requiresCi = (app: App, name: SourceName): boolean =>
  app.requires.some((requirement) => requirement.kind === 'ci' && requirement.ci === name)

const githubHook = (app: App, { sources, apiUrl }: HookContext): Hook[] => {
  if (sources.github === null || app.repository === null) return []
  return [
    {
      sender: 'GitHub',
      page: `https://github.com/${app.repository}/settings/hooks/new`,
      url: `${apiUrl}/hooks/github`,
      contentType: 'application/json',
      events: requiresCi(app, 'github') ? ['Pushes', 'Workflow runs'] : ['Pushes'],
      secret: valueOf(sources.github.secret),
    },
  ]
}

const circleciHook = (app: App, { sources, apiUrl }: HookContext): Hook[] => {
  if (sources.circleci === null || !requiresCi(app, 'circleci')) return []
  return [
    {
      sender: 'CircleCI',
      page: `https://app.circleci.com/settings/project/github/${app.repository}/webhooks`,
      url: `${apiUrl}/hooks/circleci`,
      contentType: 'application/json',
      events: ['workflow-completed'],
      secret: valueOf(sources.circleci.secret),
    },
  ]
}

const dockerHubHook = (app: App, { sources, apiUrl, dockerHub }: HookContext): Hook[] => {
  const image = parseImage(app.image)
  if (sources['docker-hub'] === null || image.host !== 'docker.io') return []
  const token = dockerHub.ok ? dockerHubToken(dockerHub.value.current.reveal(), app.name) : null
  return [
    {
      sender: 'Docker Hub',
      page: `https://hub.docker.com/repository/docker/${image.repository}/webhooks`,
      url: token === null ? null : `${apiUrl}/hooks/docker-hub/${app.name}/${token}`,
      contentType: 'application/json',
      events: ['every push of an image; there is nothing to tick'],
      secret:
        token === null
          ? `the secret ${sources['docker-hub'].secret} could not be read: create it first`
          : 'none: the URL holds it, so keep the URL as you keep a password',
    },
  ]
}

/** What to enter at GitHub, CircleCI and Docker Hub, for each app. Nobody computes an HMAC by hand. */
export const describeHooks = (apps: readonly App[], context: HookContext): readonly AppHooks[] =>
  apps.map((app) => ({
    app: app.name,
    hooks: [githubHook, circleciHook, dockerHubHook].flatMap((describe) => describe(app, context)),
  }))
