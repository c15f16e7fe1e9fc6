import type {
  App,
  Configuration,
  Ec2Settings,
  HerokuSettings,
  RenderSettings,
  Requirement,
  TargetSettings,
  TargetTraits,
} from '../deployment/app.ts'
import { keyOfFleet, keyOfHerokuApp, keyOfService } from '../deployment/find-target.ts'
import { AppName, InstanceId } from '../kernel/id.ts'
import { defaultDrainSeconds, longestSeconds } from './check-ec2.ts'
import { toInterval } from './health.ts'
import type { AppFile, Ec2File, LandfallFile, TargetFile } from './schema.ts'

const toSelector = ({ tag, ids }: Ec2File['instances']): Ec2Settings['instances'] => {
  if (ids !== undefined) return { kind: 'ids', ids: ids.map((id) => InstanceId.parse(id)) }
  const [key = '', ...value] = (tag ?? '').split('=')
  return { kind: 'tag', key, value: value.join('=') }
}

/** By default a `recreate` holds requests as long as stopping and checking can take, so that none fails. */
const toHoldSeconds = (file: Ec2File): number =>
  file.strategy === 'recreate' ? Math.min(longestSeconds(file), 600) : 30

const toPredeploy = ({ predeploy }: Ec2File) =>
  predeploy === undefined || Array.isArray(predeploy)
    ? { command: predeploy ?? null, entrypoint: true }
    : predeploy

const toRun = ({ run }: Ec2File): Ec2Settings['run'] => ({
  command: run.command,
  volumes: run.volumes,
  networks: run.networks,
  capAdd: run.capAdd,
  newPrivileges: run.newPrivileges,
  pidsLimit: run.pidsLimit,
  memory: run.memory ?? null,
  user: run.user ?? null,
  extraHosts: run.extraHosts,
  shmSize: run.shmSize ?? null,
  init: run.init,
  stopTimeoutSeconds: run.stopTimeout,
})

const toEc2 = (file: Ec2File, instances = toSelector(file.instances)): Ec2Settings => ({
  kind: 'ec2',
  key: keyOfFleet(instances),
  instances,
  predeployEntrypoint: toPredeploy(file).entrypoint,
  strategy: file.strategy ?? 'blue-green',
  port: file.port ?? null,
  publish: file.publish ?? null,
  hosts: file.hosts,
  trusted: file.trusted ?? [],
  replaces: typeof file.replaces === 'object' ? file.replaces.name : (file.replaces ?? null),
  acceptedLosses: typeof file.replaces === 'object' ? file.replaces.without : [],
  predeploy: toPredeploy(file).command,
  run: toRun(file),
  holdSeconds: file.hold ?? toHoldSeconds(file),
  drainSeconds: file.drain ?? defaultDrainSeconds,
  health: {
    path: file.health.path,
    host: file.health.host ?? file.hosts[0] ?? null,
    expect: file.health.expect,
    contains: file.health.contains ?? null,
    // On a loopback address the only client is the machine's own proxy, which is there for TLS.
    scheme: file.health.scheme ?? (file.publish?.address?.startsWith('127.') ? 'https' : 'http'),
    intervalSeconds: toInterval(file),
    times: file.health.times,
    timeoutSeconds: file.health.timeout,
  },
  rollout: { batch: file.rollout.batch, pauseSeconds: file.rollout.pause },
  keep: file.keep,
  drift: file.drift,
  metadata: file.metadata ?? null,
  canBeAsked: true,
})

/** The traits of a service: one instance, which reports what it serves only after a deployment. */
const single: Omit<TargetTraits, 'key'> = {
  instances: null,
  hosts: [],
  predeploy: null,
  rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds: 0 },
  drift: 'repair',
  replaces: null,
  metadata: 'allow',
  canBeAsked: false,
}

const toRender = (file: NonNullable<TargetFile['render']>): RenderSettings => ({
  kind: 'render',
  key: keyOfService(file.service),
  ...single,
  ...file,
})

const toHeroku = (file: NonNullable<TargetFile['heroku']>): HerokuSettings => ({
  kind: 'heroku',
  key: keyOfHerokuApp(file.app),
  ...single,
  ...file,
  predeploy: file.release ?? null,
  release: file.release ?? null,
  health: {
    path: file.health.path,
    expect: file.health.expect,
    contains: file.health.contains ?? null,
    // Heroku's router says so.
    scheme: 'https',
    times: file.health.times,
    timeoutSeconds: file.health.timeout,
  },
})

/** `check-app.ts` has checked that a target has exactly one kind. */
const toTarget = (file: TargetFile): TargetSettings[] => [
  ...(file.ec2 ? [toEc2(file.ec2)] : []),
  ...(file.render ? [toRender(file.render)] : []),
  ...(file.heroku ? [toHeroku(file.heroku)] : []),
]

const toRegistry = ({ registry }: AppFile): Pick<App, 'registry' | 'registryRealm'> => {
  const { secret, realm } = typeof registry === 'object' ? registry : { secret: registry }
  return { registry: secret ?? null, registryRealm: realm ?? null }
}

const toApp = (name: string, file: AppFile): App => ({
  name: AppName.parse(name),
  repository: file.repository ?? null,
  repositoryId: file.repositoryId ?? null,
  branch: file.branch,
  image: file.image,
  tag: file.tag,
  environment: file.environment,
  deploy: file.deploy,
  // The image is always required.
  requires: [
    ...file.requires.flatMap((entry): Requirement[] =>
      entry === 'image' ? [] : [{ kind: 'ci', ...entry }],
    ),
    { kind: 'image' },
  ],
  waitForSeconds: file.waitFor,
  deadlineSeconds: file.deadline,
  env: file.env,
  secrets: file.secrets ?? null,
  ...toRegistry(file),
  targets: file.targets.flatMap(toTarget),
  rollback: file.rollback
    ? {
        alarms: file.rollback.alarms,
        windowSeconds: file.rollback.window,
        secrets: file.rollback.secrets,
      }
    : null,
  reports: {
    github: file.reports.github ?? null,
    githubDescription: file.reports.githubDescription,
    notice: file.reports.notice ?? null,
    sentry: file.reports.sentry ?? null,
  },
})

/** Converts a checked `landfall.yml`: durations in seconds, missing values as null. */
export const toConfiguration = (file: LandfallFile): Configuration => ({
  sources: {
    github: file.sources.github ?? null,
    circleci: file.sources.circleci ?? null,
    'docker-hub': file.sources['docker-hub'] ?? null,
  },
  kms: file.kms,
  apps: Object.entries(file.apps).map(([name, app]) => toApp(name, app)),
})
