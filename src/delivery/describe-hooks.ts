import type { HooksAnswer } from '../answers/plan.ts'
import type { App, Configuration } from '../deployment/app.ts'
import type { HookKind } from '../deployment/seen.ts'
import { fail, type Result } from '../kernel/result.ts'
import { parseImage } from '../registry/image.ts'
import { dockerHubToken } from '../sources/docker-hub.ts'
import type { SourceName, SourceSecrets } from '../sources/source.ts'
import type { HookSecrets } from './verification.ts'

/** The names of an event on the sender's page (`label`) and in `plan` (`event`). */
const eventNames: Readonly<Record<HookKind, { readonly label: string; readonly event: string }>> = {
  'github:push': { label: 'Pushes', event: 'GitHub: Pushes' },
  'github:workflow_run': { label: 'Workflow runs', event: 'GitHub: Workflow runs' },
  'circleci:workflow-completed': {
    label: 'workflow-completed',
    event: 'CircleCI: workflow-completed',
  },
  'docker-hub:push': {
    label: 'every push of an image; there is nothing to select',
    event: 'Docker Hub',
  },
}

/** One webhook, as the user enters it at its sender. */
interface Hook {
  readonly sender: 'GitHub' | 'CircleCI' | 'Docker Hub'
  /** The page with the form. */
  readonly page: string
  /** Null where the secret from which its token is computed cannot be read. */
  readonly url: string | null
  readonly contentType: string
  /** The events to select. */
  readonly events: readonly HookKind[]
  /** What to enter as the secret. */
  readonly secret: string
}

interface HookContext extends Pick<Configuration, 'sources'> {
  /** The address of the API, without a slash at its end. */
  readonly apiUrl: string
  readonly secrets: Readonly<Record<SourceName, Result<SourceSecrets, 'secret_unavailable'>>>
}

const sourceNames = ['github', 'circleci', 'docker-hub'] as const satisfies readonly SourceName[]

/** What is wrong with a source's secret: no delivery passes, or one who knows another source's secret can sign; null if nothing is. */
const findFault = (source: SourceName, { sources, secrets }: HookContext): string | null => {
  const own = secrets[source]
  if (!own.ok) return 'does not exist, cannot be read or is shorter than 16 characters'
  const others = sourceNames.flatMap((other) => {
    const loaded = secrets[other]
    const isEqual = loaded.ok && loaded.value.current.reveal() === own.value.current.reveal()
    return other !== source && isEqual ? [sources[other]?.secret] : []
  })
  if (others.length === 0) return null
  return `has the value of ${others.join(' and ')}: give each source its own`
}

/** What to enter as the secret, or what is wrong with it. */
const describeSecret = (source: SourceName, context: HookContext, entered: string): string => {
  const fault = findFault(source, context)
  return fault === null ? entered : `the secret ${context.sources[source]?.secret} ${fault}`
}

const requiresCi = (app: App, name: SourceName): boolean =>
  app.requires.some((requirement) => requirement.kind === 'ci' && requirement.ci === name)

const githubHook = (app: App, context: HookContext): Hook[] => {
  const { sources, apiUrl } = context
  if (sources.github === null || app.repository === null) return []
  return [
    {
      sender: 'GitHub',
      page: `https://github.com/${app.repository}/settings/hooks/new`,
      url: `${apiUrl}/hooks/github`,
      contentType: 'application/json',
      events: requiresCi(app, 'github') ? ['github:push', 'github:workflow_run'] : ['github:push'],
      secret: describeSecret('github', context, `the value of the secret ${sources.github.secret}`),
    },
  ]
}

const circleciHook = (app: App, context: HookContext): Hook[] => {
  const { sources, apiUrl } = context
  if (sources.circleci === null || !requiresCi(app, 'circleci')) return []
  return [
    {
      sender: 'CircleCI',
      page: `https://app.circleci.com/settings/project/github/${app.repository}/webhooks`,
      url: `${apiUrl}/hooks/circleci`,
      contentType: 'application/json',
      events: ['circleci:workflow-completed'],
      secret: describeSecret(
        'circleci',
        context,
        `the value of the secret ${sources.circleci.secret}`,
      ),
    },
  ]
}

const dockerHubHook = (app: App, context: HookContext): Hook[] => {
  const { sources, apiUrl, secrets } = context
  const { 'docker-hub': dockerHub } = secrets
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
      secret: describeSecret(
        'docker-hub',
        context,
        'none: the URL contains it, so keep the URL as secret as a password',
      ),
    },
  ]
}

const listHooks = (app: App, context: HookContext): readonly Hook[] =>
  [githubHook, circleciHook, dockerHubHook].flatMap((describe) => describe(app, context))

/** Describes what to enter at GitHub, CircleCI and Docker Hub, for one app or (null) for each. */
export const createDescribeHooks =
  ({
    sources,
    apps,
    apiUrl,
    secrets,
  }: Pick<Configuration, 'sources' | 'apps'> & {
    readonly apiUrl: string
    readonly secrets: Pick<HookSecrets, 'load'>
  }) =>
  async (app: App | null): Promise<HooksAnswer> => {
    const [github, circleci, dockerHub] = await Promise.all([
      secrets.load('github'),
      secrets.load('circleci'),
      secrets.load('docker-hub'),
    ])
    const loaded = { github, circleci, 'docker-hub': dockerHub }
    const context = { sources, apiUrl, secrets: loaded }
    return (app === null ? apps : [app]).map((one) => ({
      app: one.name,
      hooks: listHooks(one, context).map((hook) => ({
        ...hook,
        events: hook.events.map((kind) => eventNames[kind].label),
      })),
    }))
  }

const noSecret = fail('secret_unavailable' as const)

/** The events that an app requires, with their names in the journal and in `plan`. */
export const listHookEvents = (app: App, sources: Configuration['sources']) =>
  listHooks(app, {
    sources,
    apiUrl: '',
    secrets: { github: noSecret, circleci: noSecret, 'docker-hub': noSecret },
  })
    .flatMap((hook) => hook.events)
    .map((kind) => ({ kind, event: eventNames[kind].event }))
