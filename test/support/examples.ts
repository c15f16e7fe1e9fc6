import type { Ec2Settings } from '../../src/deployment/app.ts'
import type { PushOrder } from '../../src/deployment/revision.ts'
import { Commit, Digest, TargetKey, type RevisionId } from '../../src/kernel/id.ts'
import type { Origin } from '../../src/kernel/origin.ts'
import type { Log } from '../../src/kernel/log.ts'

export const commitAt = (index: number): Commit => Commit.parse(String(index).padStart(40, '0'))
export const digestAt = (index: number): Digest =>
  Digest.parse(`sha256:${String(index).padStart(64, '0')}`)
export const indexOf = (revision: RevisionId): number => Number(revision.replace('sha256:', ''))

/** What is told of a commit. */
export const originAt = (index: number): Origin => ({
  title: `Add page ${index}`,
  author: 'Ada Lovelace',
  login: 'ada',
  runUrl: `https://github.com/acme/oc-lettings/actions/runs/${index}`,
  compareUrl: null,
})

export const startOfTime = Date.parse('2026-11-20T10:00:00.000Z')

/** Two pushes share each second, so that the run's number decides between them. */
export const orderAt = (index: number): PushOrder => ({
  createdAt: new Date(startOfTime - 60_000 + Math.floor(index / 2) * 1000).toISOString(),
  number: index,
})

export const ec2 = (changes: Partial<Ec2Settings> = {}): Ec2Settings => ({
  kind: 'ec2',
  key: TargetKey.parse('ec2:Name=lettings'),
  instances: { kind: 'tag', key: 'Name', value: 'lettings' },
  acceptedLosses: [],
  predeployEntrypoint: true,
  strategy: 'blue-green',
  port: 8000,
  publish: { address: null, port: 80 },
  trusted: [],
  hosts: ['lettings.example.com'],
  replaces: null,
  predeploy: ['python', 'manage.py', 'migrate'],
  run: {
    command: [],
    volumes: [],
    networks: [],
    capAdd: [],
    newPrivileges: false,
    pidsLimit: 1024,
    memory: null,
    user: null,
    extraHosts: [],
    shmSize: null,
    init: true,
    stopTimeoutSeconds: 30,
  },
  holdSeconds: 30,
  drainSeconds: 5,
  health: {
    path: '/',
    host: 'lettings.example.com',
    expect: { from: 200, to: 299 },
    contains: null,
    scheme: 'http',
    intervalSeconds: 0.3,
    times: 2,
    timeoutSeconds: 120,
  },
  rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds: 0 },
  keep: 5,
  drift: 'repair',
  metadata: 'block',
  canBeAsked: true,
  ...changes,
})

export const silent: Log = { info: () => {}, warn: () => {}, error: () => {}, with: () => silent }
