import type { App, Configuration } from '../deployment/app.ts'
import type { HookKind } from '../deployment/seen.ts'
import { fail, type Result } from '../kernel/result.ts'
import { parseImage } from '../registry/image.ts'
import { dockerHubToken } from '../sources/docker-hub.ts'
import type { SourceName, SourceSecrets } from '../sources/source.ts'
import type { HookSecrets } from './verification.ts'

/** An event as the sender's page and as `plan` name it. */
interface EventNames {
  readonly label: string
  readonly event: string
}

const eventNames: Readonly<Record<HookKind, EventNames>> = {
  'github:push': { label: 'Pushes', event: 'GitHub: Pushes' },
  'github:workflow_run': { label: 'Workflow runs', event: 'GitHub: Workflow runs' },
  'circleci:workflow-completed': {
    label: 'workflow-completed',
    event: 'CircleCI: workflow-completed',
  },
  'docker-hub:push': {
    label: 'every push of an image; there is nothing to tick',
    event: 'Docker Hub',
  },
}

/** One webhook as it is entered at its sender. */
interface Hook {
  readonly sender: 'GitHub' | 'CircleCI' | 'Docker Hub'
  /** The page to enter it on. */
  readonly page: string
  /** Null where the secret that its token is made with cannot be read. */
  readonly url: string | null
  readonly contentType: string
  /** Which events to tick. */
  readonly events: readonly HookKind[]
  /** What to enter as the secret. */
  readonly secret: string
}

interface HookPorts extends Pick<Configuration, 'sources' | 'apps'> {
  /** Where the API answers, without a slash at its end. */
  readonly apiUrl: string
  readonly secrets: Pick<HookSecrets, 'load'>
}

interface HookContext extends Pick<HookPorts, 'sources' | 'apiUrl'> {
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
      events: requiresCi(app, 'github') ? ['github:push', 'github:workflow_run'] : ['github:push'],
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
      events: ['circleci:workflow-completed'],
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
      events: ['docker-hub:push'],
      secret:
        token === null
          ? `the secret ${sources['docker-hub'].secret} could not be read: create it first`
          : 'none: the URL holds it, so keep the URL as you keep a password',
    },
  ]
}

const listHooks = (app: App, context: HookContext): readonly Hook[] =>
  [githubHook, circleciHook, dockerHubHook].flatMap((describe) => describe(app, context))

/** What to enter at GitHub, CircleCI and Docker Hub, for an app or (null) for each. Nobody computes an HMAC by hand. */
export const createDescribeHooks =
  ({ sources, apps, apiUrl, secrets }: HookPorts) =>
  async (app: App | null) => {
    const context = { sources, apiUrl, dockerHub: await secrets.load('docker-hub') }
    return (app === null ? apps : [app]).map((one) => ({
      app: one.name,
      hooks: listHooks(one, context).map((hook) => ({
        ...hook,
        events: hook.events.map((kind) => eventNames[kind].label),
      })),
    }))
  }

/** The events that an app needs, as the journal and as `plan` name them. */
export const listHookEvents = (app: App, sources: Configuration['sources']) =>
  listHooks(app, { sources, apiUrl: '', dockerHub: fail('secret_unavailable') })
    .flatMap((hook) => hook.events)
    .map((kind) => ({ kind, event: eventNames[kind].event }))
