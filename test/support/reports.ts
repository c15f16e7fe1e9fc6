import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import type { Vendor } from '../../local/base/vendor.ts'
import type { App } from '../../src/deployment/app.ts'
import type { Notice, NoticeKind, NoticeDeployment } from '../../src/deployment/notice.ts'
import { Digest, Generation } from '../../src/kernel/id.ts'
import { http, type Http } from '../../src/kernel/http.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { fail } from '../../src/kernel/result.ts'
import type { ReadCurrentSecret } from '../../src/secrets/named-secret.ts'
import { appOf, commit } from './apps.ts'
import { failedSecret } from './failed-secret.ts'

export const digest = Digest.parse(`sha256:${'d'.repeat(64)}`)

export const reportingApp = (settings: Partial<App> = {}): App =>
  appOf('oc-lettings', {
    reports: {
      github: 'landfall/test/github',
      githubDescription: 'reason',
      notice: 'landfall/test/notice',
      sentry: 'sentry',
    },
    ...settings,
  })

export const origin = {
  title: 'Add a search field',
  author: 'Ada Lovelace',
  login: 'ada',
  runUrl: 'https://github.com/acme/oc-lettings/actions/runs/9001',
  compareUrl: 'https://github.com/acme/oc-lettings/compare/a...b',
}

export const deploymentOf = (
  generation: number,
  more: Partial<NoticeDeployment> = {},
): NoticeDeployment => ({
  generation: Generation.parse(generation),
  kind: 'deploy',
  commit,
  digest,
  environment: 'production',
  takesBack: null,
  afterPredeploy: false,
  origin: null,
  promotedFrom: null,
  ...more,
})

/** Notices of higher generations have later times. */
export const noticeOf = (
  kind: NoticeKind,
  deployment: NoticeDeployment | null = deploymentOf(7),
  more: Partial<Notice> = {},
): Notice => ({
  id: `${deployment?.generation ?? 'app'}:${kind}`,
  kind,
  at: new Date(Date.UTC(2026, 10, 20, 12, deployment?.generation ?? 0)).toISOString(),
  by: 'github',
  reason: null,
  message: null,
  deployment,
  ...more,
})

export const rollbackOf = (generation: number, takesBack: number): NoticeDeployment =>
  deploymentOf(generation, { kind: 'rollback', takesBack: Generation.parse(takesBack) })

/** Secrets by name: null means that the secret cannot be read now; another name is missing. */
export const secretsOf = (secrets: Readonly<Record<string, string | null>>): ReadCurrentSecret => {
  return async (name) => {
    const text = secrets[name]
    if (text === undefined) return failedSecret('secret_missing', name)
    if (text === null) return failedSecret('secret_unavailable', name)
    return { ok: true, value: { value: new Redacted(text) } }
  }
}

export const newKey = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    // The format that GitHub issues.
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })

/** All that can be printed of a value. */
export const printed = (value: unknown): string =>
  `${JSON.stringify(value)} ${inspect(value, { depth: 20, showHidden: true })}`

/** HTTP that times out as soon as the watched server hangs. `patience` holds the timeout of each request. */
export const createImpatientHttp = () => {
  const patience: number[] = []
  const giveUps = new Set<() => void>()
  const impatient: Http = async (request) => {
    patience.push(request.timeoutMilliseconds ?? 10_000)
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<Http>>>()
    const giveUp = (): void => resolve(fail({ kind: 'timeout', host: request.url.host }))
    giveUps.add(giveUp)
    const answered = await Promise.race([http(request), promise])
    giveUps.delete(giveUp)
    return answered
  }
  /** The same fate, but a call that hangs times out at once. */
  const watch =
    (fate: Vendor['fate']): Vendor['fate'] =>
    (call) => {
      const one = fate(call)
      if (one?.kind === 'hang') for (const giveUp of giveUps) giveUp()
      return one
    }
  return { http: impatient, patience, watch }
}
