import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync } from 'node:fs'
import { request as sendBehind, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import type { JudgeEcrPassword } from '../../local/aws/index.ts'
import { isAlive } from '../../local/instances/namespaces.ts'

/** A key, and a certificate for one name that is its own authority: the paths of both. */
export const createAuthority = (directory: string, host: string) => {
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'ca.crt')]
  mkdirSync(directory, { recursive: true })
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const name = ['-subj', '/CN=ecr', '-addext', `subjectAltName=DNS:${host}`]
  const files = ['-keyout', key, '-out', certificate]
  execFileSync('openssl', ['req', '-x509', ...kind, ...name, ...files], { stdio: 'ignore' })
  return { key, certificate }
}

export interface EcrFront {
  /** The passwords that it was asked with, each once, in their order. */
  readonly passwords: readonly string[]
  /** Known once its stack runs. */
  judge: JudgeEcrPassword
  /** The role that took the token has lost this action, or never had it. */
  denied: 'ecr:BatchGetImage' | 'ecr:GetDownloadUrlForLayer' | null
  stop(): Promise<void>
}

interface EcrFrontOptions {
  /** `123456789012.dkr.ecr.eu-west-3.amazonaws.com` */
  readonly host: string
  /** `localhost:5000`, the registry behind it; known only once that runs. */
  readonly registry: () => string
  readonly authority: ReturnType<typeof createAuthority>
}

const refuse = (response: ServerResponse, status: number, code: string, message: string): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify({ errors: [{ code, message }] }))
}

const actionOf = (path: string): EcrFront['denied'] => {
  if (path.includes('/manifests/')) return 'ecr:BatchGetImage'
  return path.includes('/blobs/') ? 'ecr:GetDownloadUrlForLayer' : null
}

const passwordOf = ({ headers }: IncomingMessage): string | null => {
  const [, basic = ''] = /^Basic (\S+)$/.exec(headers.authorization ?? '') ?? []
  const [user, ...password] = Buffer.from(basic, 'base64').toString().split(':')
  return user === 'AWS' ? password.join(':') : null
}

/**
 * Has Docker trust it for this name. Of the directory Docker takes each file: that of another run stays, and what runs
 * that were killed have left is taken away.
 */
const trust = (host: string, certificate: string): (() => void) => {
  const directory = join('/etc/docker/certs.d', host)
  mkdirSync(directory, { recursive: true })
  for (const name of readdirSync(directory)) {
    const [, owner] = /^(\d+)\.crt$/.exec(name) ?? []
    const isInUse = owner !== undefined && isAlive(Number(owner))
    if (!isInUse) rmSync(join(directory, name), { force: true })
  }
  const trusted = join(directory, `${process.pid}.crt`)
  copyFileSync(certificate, trusted)
  return () => {
    rmSync(trusted, { force: true })
    if (readdirSync(directory).length === 0) rmdirSync(directory)
  }
}

/**
 * A real registry behind a front with the name, the TLS and the answers of Amazon ECR: a token of the account as the
 * password, and the refusals that its users quote. Docker finds it by that name too (`/etc/docker/certs.d`).
 */
export const startEcrFront = async (options: EcrFrontOptions): Promise<EcrFront> => {
  const { host, authority } = options
  const [account = '', , , region = ''] = host.split('.')
  const passwords: string[] = []
  const pass = (incoming: IncomingMessage, response: ServerResponse): void => {
    const { authorization: _, ...headers } = incoming.headers
    const { method, url } = incoming
    const behind = sendBehind(
      `http://${options.registry()}${url}`,
      { method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers)
        answer.pipe(response)
      },
    )
    behind.on('error', () => response.destroy())
    incoming.pipe(behind)
  }
  const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
    const { url = '/' } = incoming
    const password = passwordOf(incoming)
    if (password !== null && !passwords.includes(password)) passwords.push(password)
    const action = actionOf(url)
    const [, repository = ''] = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url) ?? []
    const resource = `arn:aws:ecr:${region}:${account}:repository/${repository}`
    const pull = action === null ? undefined : { action, resource }
    const verdict = password === null ? 'unknown' : front.judge(password, pull)
    if (verdict === 'unknown') {
      const challenge = `Basic realm="https://${host}/",service="ecr.amazonaws.com"`
      response.writeHead(401, { 'www-authenticate': challenge }).end('Not Authorized\n')
      return
    }
    if (verdict === 'expired')
      return refuse(
        response,
        403,
        'DENIED',
        'Your authorization token has expired. Reauthenticate and try again.',
      )
    if (verdict === 'denied' || (action !== null && action === front.denied)) {
      const user = `arn:aws:sts::${account}:assumed-role/landfall-local-reconcile/landfall`
      const why = `User: ${user} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`
      return refuse(response, 403, 'DENIED', why)
    }
    pass(incoming, response)
  }
  const { key, certificate } = authority
  const secrets = { key: readFileSync(key), cert: readFileSync(certificate) }
  const server = createServer(secrets, handle).listen(443, '127.0.0.1')
  await once(server, 'listening')
  const distrust = trust(host, certificate)
  const front: EcrFront = {
    passwords,
    judge: () => 'unknown',
    denied: null,
    stop: async () => {
      distrust()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return front
}
