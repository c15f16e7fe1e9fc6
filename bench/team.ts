import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { freePort } from '../local/docker/free-port.ts'
import { startTeam, type Team } from '../local/team/team.ts'
import { print } from './report.ts'

/** The local stack with an app that is deployed and apps that only hear of commits. */
export interface BenchTeam extends Team {
  readonly app: string
  /** `acme/bench`, in the registry and on GitHub. */
  readonly repository: string
  /** Where the app is published. */
  readonly port: number
  /** Another app, whose image `fast-app.ts` pushes. */
  readonly fast: { readonly app: string; readonly repository: string; readonly port: number }
  /** The alarm that takes the app back. */
  readonly alarmName: string
  /** Each belongs to an app whose image is never pushed. */
  readonly hookRepositories: readonly string[]
  readGithubSecret(): Promise<string>
}

/** The health check of the app, and of the bare way beside it. */
export const health = { path: '/healthz', intervalSeconds: 0.3, times: 2 } as const

const app = 'bench'
const repository = 'acme/bench'
const alarmName = 'bench-5xx'
const hookApps = Array.from({ length: 20 }, (_, index) => `hooks-${index + 1}`)

const toApp = (registry: string, name: string, of: string, publish: number) => ({
  repository: of,
  branch: 'main',
  image: `${registry}/acme/${name}`,
  tag: '{commit}',
  requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
  targets: [
    {
      ec2: {
        instances: { tag: 'Name=demo' },
        port: 8000,
        publish: `127.0.0.1:${publish}`,
        health: { path: health.path, interval: `${health.intervalSeconds}s`, times: health.times },
      },
    },
  ],
})

export const startBenchTeam = async (directory: string): Promise<BenchTeam> => {
  const port = await freePort()
  const fast = { app: 'bench-fast', repository: 'acme/bench-fast', port: await freePort() }
  const team = await startTeam({
    directory,
    say: print,
    apps: (registry) => ({
      [app]: { ...toApp(registry, app, repository, port), rollback: { alarms: [alarmName] } },
      [fast.app]: toApp(registry, fast.app, fast.repository, fast.port),
      ...Object.fromEntries(
        hookApps.map((name, index) => [
          name,
          toApp(registry, name, `acme/${name}`, 20_001 + index),
        ]),
      ),
    }),
  })
  const secrets = new SecretsManagerClient(team.stack.client)
  return {
    ...team,
    app,
    repository,
    port,
    fast,
    alarmName,
    hookRepositories: hookApps.map((name) => `acme/${name}`),
    readGithubSecret: async () => {
      const order = new GetSecretValueCommand({ SecretId: 'landfall/local/github' })
      return (await secrets.send(order)).SecretString ?? ''
    },
    stop: async () => {
      await team.cleanUp([app, fast.app], [port, fast.port])
      secrets.destroy()
      await team.stop()
    },
  }
}
