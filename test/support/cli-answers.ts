import type {
  AppAnswer,
  DeploymentAnswer,
  ProgressAnswer,
  ReleaseAnswer,
  RollbackView,
  SettingsAnswer,
} from '../../src/answers/status.ts'

// What the functions of a small stage answer, for the command line.

export const commit = '9be01d47f0a1b2c3d4e5f60718293a4b5c6d7e8f'
export const earlierCommit = '3f2a9c1a0b1c2d3e4f5061728394a5b6c7d8e9f0'
export const digest = `sha256:${'4f'.repeat(32)}`
const origin = { title: 'Add search', author: 'ada', login: 'ada', runUrl: null, compareUrl: null }

export const release = (changes: Partial<ReleaseAnswer> = {}): ReleaseAnswer => ({
  generation: 42,
  commit,
  digest,
  secretVersion: null,
  origin,
  promotedFrom: null,
  ...changes,
})

export const earlier = release({
  generation: 41,
  commit: earlierCommit,
  origin: { ...origin, title: 'Fix the footer' },
})

export const deployment = (changes: Partial<DeploymentAnswer> = {}): DeploymentAnswer => ({
  generation: 42,
  kind: 'deploy',
  by: 'github',
  status: 'succeeded',
  reason: 'deployed',
  message: null,
  commit,
  digest,
  origin,
  promotedFrom: null,
  takesBack: null,
  rolledBackBy: null,
  ranPredeploy: false,
  openedAt: '2026-11-29T14:27:00.000Z',
  endedAt: '2026-11-29T14:27:31.000Z',
  deadlineAt: '2026-11-29T14:42:00.000Z',
  pausedUntil: null,
  instances: [
    {
      id: 'i-0123456789abcdef0',
      status: 'succeeded',
      serving: { generation: 42, digest },
      reason: 'deployed',
      message: null,
    },
  ],
  steps: [
    {
      instance: 'i-0123456789abcdef0',
      purpose: 'deploy',
      outcome: 'succeeded',
      reason: null,
      message: null,
      steps: [
        { name: 'pull', status: 'succeeded', seconds: 6.1 },
        { name: 'check', status: 'succeeded', seconds: 1.2 },
      ],
    },
  ],
  ...changes,
})

/** Under way: its instance has not answered yet. */
export const openDeployment = (changes: Partial<DeploymentAnswer> = {}): DeploymentAnswer =>
  deployment({
    status: 'in_progress',
    reason: null,
    endedAt: null,
    steps: [],
    instances: [
      { id: 'i-0123456789abcdef0', status: 'pending', serving: null, reason: null, message: null },
    ],
    ...changes,
  })

export const failedDeployment = (changes: Partial<DeploymentAnswer> = {}): DeploymentAnswer =>
  deployment({
    status: 'failed',
    reason: 'unhealthy',
    message: 'GET / answered 400, is the host in ALLOWED_HOSTS?',
    instances: [
      {
        id: 'i-0123456789abcdef0',
        status: 'restored',
        serving: { generation: 41, digest },
        reason: 'unhealthy',
        message: null,
      },
    ],
    steps: [
      {
        instance: 'i-0123456789abcdef0',
        purpose: 'deploy',
        outcome: 'failed',
        reason: 'unhealthy',
        message: null,
        steps: [
          { name: 'pull', status: 'succeeded', seconds: 6.1 },
          { name: 'check', status: 'failed', seconds: 20 },
        ],
        tail: ["Invalid HTTP_HOST header: 'localhost'"],
      },
    ],
    ...changes,
  })

export const appAnswer = (changes: Partial<AppAnswer> = {}): AppAnswer => ({
  app: 'oc-lettings',
  live: release(),
  before: earlier,
  releases: [release(), earlier],
  open: null,
  instances: [
    { id: 'i-0123456789abcdef0', serves: 42, asOf: '2026-11-29T14:27:31.000Z', reason: null },
  ],
  converging: [],
  waiting: [],
  moved: [],
  repository: null,
  request: null,
  takeBack: null,
  frozen: null,
  quarantine: [],
  alarmsUntil: null,
  owed: [],
  operations: [],
  deployments: [deployment()],
  ...changes,
})

export const progress = (changes: Partial<ProgressAnswer> = {}): ProgressAnswer => ({
  app: 'oc-lettings',
  version: 7,
  generation: 42,
  live: release(),
  frozen: null,
  request: null,
  takeBack: null,
  deployment: null,
  ...changes,
})

export const rollbackView = (changes: Partial<RollbackView> = {}): RollbackView => ({
  app: 'oc-lettings',
  takesBack: { ...release(), predeploy: ['python', 'manage.py', 'migrate'] },
  to: earlier,
  ...changes,
})

export const settings = (changes: Partial<SettingsAnswer> = {}): SettingsAnswer => ({
  app: 'oc-lettings',
  repository: 'acme/oc-lettings',
  branch: 'main',
  image: 'acme/oc-lettings',
  tag: '{commit}',
  environment: 'production',
  deploy: 'automatic',
  requires: [{ kind: 'ci', ci: 'github', workflow: 'CI' }, { kind: 'image' }],
  env: ['DEBUG', 'ALLOWED_HOSTS'],
  secrets: 'landfall/prod/oc-lettings',
  targets: ['ec2:Name=lettings'],
  ...changes,
})

export const plan = {
  app: 'oc-lettings',
  ok: true,
  would: 'deploy what is live again to 1 instance in 1 wave',
  findings: [{ level: 'fine', what: 'image', message: 'it is there' }],
  revision: { from: 'live', id: commit, digest },
  live: { generation: 42, digest },
  instances: [
    {
      id: 'i-0123456789abcdef0',
      name: 'lettings',
      online: true,
      wave: 0,
      would: ['pull the image'],
    },
  ],
}

export const refusal = (reason: string) => ({
  outcome: 'refused',
  reason,
  message: `Refused for ${reason}.`,
})
