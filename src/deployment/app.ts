import type { AppName, Generation, InstanceId, TargetKey } from '../kernel/id.ts'

/** Evidence that a revision needs before it may be deployed. */
export type Requirement =
  | { readonly kind: 'ci'; readonly ci: 'github' | 'circleci'; readonly workflow: string }
  | { readonly kind: 'image' }

export type InstanceSelector =
  | { readonly kind: 'tag'; readonly key: string; readonly value: string }
  | { readonly kind: 'ids'; readonly ids: readonly InstanceId[] }

/** Where the proxy listens: all addresses where `address` is null. */
export interface PublishedAddress {
  readonly address: string | null
  readonly port: number
}

/** The properties that decisions about a target go by; its `kind` is compared in src/targets and src/config only. */
export interface TargetTraits {
  readonly key: TargetKey
  /** Selects the target's instances of the stage; null where the target itself is the one instance. */
  readonly instances: InstanceSelector | null
  /** Public host names. */
  readonly hosts: readonly string[]
  /** The command run once per deployment, if any. */
  readonly predeploy: readonly string[] | null
  readonly rollout: {
    readonly batch: { readonly kind: 'count' | 'percent'; readonly value: number }
    readonly pauseSeconds: number
  }
  readonly drift: 'repair' | 'report'
  /** A container started by hand that the first release replaces. */
  readonly replaces: string | null
  /**
   * Whether its containers are kept from the metadata service of their instance, which hands out the instance's role. Null:
   * landfall.yml does not say. Where no container of ours runs on an instance, nothing is blocked.
   */
  readonly metadata: 'block' | 'allow' | null
  /** Whether an instance can be asked what it serves. */
  readonly canBeAsked: boolean
}

export interface Ec2Settings extends TargetTraits {
  readonly kind: 'ec2'
  readonly instances: InstanceSelector
  /** What the container that `replaces` names has and the new one may lack: `env`, or only `env DEBUG`. */
  readonly acceptedLosses: readonly string[]
  /** Whether the image's ENTRYPOINT runs `predeploy`, as it runs the app. */
  readonly predeployEntrypoint: boolean
  readonly strategy: 'blue-green' | 'recreate' | 'worker'
  /** The container's port and the proxy's; null for a worker. */
  readonly port: number | null
  readonly publish: PublishedAddress | null
  /** Whose word in `X-Forwarded-*` the proxy passes on, as ranges of addresses; none: it goes by kinds of addresses. */
  readonly trusted: readonly string[]
  readonly run: {
    readonly command: readonly string[]
    readonly volumes: readonly string[]
    readonly networks: readonly string[]
    readonly capAdd: readonly string[]
    readonly newPrivileges: boolean
    readonly pidsLimit: number
    readonly memory: string | null
    readonly user: string | null
    readonly extraHosts: readonly string[]
    readonly shmSize: string | null
    readonly init: boolean
    readonly stopTimeoutSeconds: number
  }
  readonly holdSeconds: number
  /**
   * How long a `recreate` waits for the old container's last requests before it cuts them. Null in a release frozen
   * before this field: as long as the container may take to stop.
   */
  readonly drainSeconds: number | null
  readonly health: {
    readonly path: string
    /** The Host header; a Django with ALLOWED_HOSTS answers 400 to any other. */
    readonly host: string | null
    /** Inclusive range of HTTP statuses that count as healthy. */
    readonly expect: { readonly from: number; readonly to: number }
    /** A text that the body must have; null: any body will do. */
    readonly contains: string | null
    /**
     * What a proxy in front says in `X-Forwarded-Proto`. Null in a release frozen before this field: its answers are
     * judged as they were then, by the status alone.
     */
    readonly scheme: 'http' | 'https' | null
    readonly intervalSeconds: number
    readonly times: number
    readonly timeoutSeconds: number
  }
  readonly keep: number
}

export interface RenderSettings extends TargetTraits {
  readonly kind: 'render'
  readonly service: string
  readonly token: string
  readonly env: 'sync' | 'leave'
}

export interface HerokuSettings extends TargetTraits {
  readonly kind: 'heroku'
  readonly app: string
  /** The process type; users reach `web` alone. */
  readonly process: string
  readonly token: string
  /** The command of the release phase; null: the app has none. */
  readonly release: readonly string[] | null
  readonly env: 'sync' | 'leave'
  readonly health: Omit<Ec2Settings['health'], 'host' | 'intervalSeconds'>
}

export type TargetSettings = Ec2Settings | RenderSettings | HerokuSettings

/** One app of `landfall.yml`, normalised: every default filled in, every duration in seconds, no secret. */
export interface App {
  readonly name: AppName
  /** `owner/name` on GitHub. */
  readonly repository: string | null
  /** GitHub's id of it, where landfall.yml states it; null: that of the first delivery. */
  readonly repositoryId: number | null
  readonly branch: string
  /** As written: `acme/oc-lettings` (Docker Hub) or `registry.example:5000/name`. */
  readonly image: string
  /** A tag, or a template with `{commit}`. */
  readonly tag: string
  readonly environment: string
  /** Under `manual` a revision with all its evidence waits for a person's redeploy. */
  readonly deploy: 'automatic' | 'manual'
  readonly requires: readonly Requirement[]
  readonly waitForSeconds: number
  readonly deadlineSeconds: number
  readonly env: Readonly<Record<string, string>>
  /** Names of secrets in Secrets Manager. */
  readonly secrets: string | null
  readonly registry: string | null
  /** The address of the registry's token service, where that is elsewhere. */
  readonly registryRealm: string | null
  readonly targets: readonly TargetSettings[]
  readonly rollback: {
    readonly alarms: readonly string[]
    readonly windowSeconds: number
    readonly secrets: 'recorded' | 'current'
  } | null
  readonly reports: {
    readonly github: string | null
    /** What a status at GitHub says of a failure: the reason's fixed words, or what the app said last. */
    readonly githubDescription: 'reason' | 'message'
    readonly notice: string | null
    readonly sentry: string | null
  }
}

/** What a release keeps of its app: where reports go, and whose deliveries count, landfall.yml says at the time. */
export type ReleaseSettings = Omit<App, 'reports' | 'repositoryId'>

export const toReleaseSettings = ({
  reports: _reports,
  repositoryId: _repositoryId,
  ...settings
}: App): ReleaseSettings => settings

/** The live release of another app whose digest was brought out here. */
export interface Promotion {
  readonly app: AppName
  readonly generation: Generation
}

/** The whole of `landfall.yml`. */
export interface Configuration {
  readonly sources: {
    readonly github: { readonly secret: string } | null
    readonly circleci: { readonly secret: string } | null
    readonly 'docker-hub': { readonly secret: string } | null
  }
  /** The ARNs of the keys that secrets are encrypted with, where they are not AWS's own. */
  readonly kms: readonly string[]
  readonly apps: readonly App[]
}
