import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../support/ecr-front.ts'
import { account, roleOf, startTestAws, writeFunction, type TestAws } from '../support/local-aws.ts'

const source = `
export const handler = async ({ url }) => {
  try { return (await fetch(url)).status } catch (error) { return error.cause?.code ?? 'failed' }
}`

const toRepository = (name: string): string =>
  `arn:aws:ecr:${account.region}:${account.id}:repository/${name}`

describe('the local ECR', () => {
  let test: TestAws
  let directory = ''
  let authority: ReturnType<typeof createAuthority>

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'landfall-ecr-'))
    authority = createAuthority(directory, 'localhost')
    const trusting = { NODE_EXTRA_CA_CERTS: authority.certificate }
    const allow = roleOf(
      { Action: 'ecr:GetAuthorizationToken', Resource: '*' },
      { Action: 'ecr:BatchGetImage', Resource: toRepository('acme/shop') },
    )
    const functions = [
      writeFunction('trusting', source, { environment: trusting, role: allow }),
      writeFunction('other', source),
    ]
    test = await startTestAws({ service: { functions } })
  })
  afterEach(async () => {
    await test.stop()
    rmSync(directory, { recursive: true })
  })

  const fetchToken = async (client = test.client) => {
    const ecr = new ECRClient({ ...client, maxAttempts: 1 })
    const { authorizationData = [] } = await ecr.send(new GetAuthorizationTokenCommand({}))
    const [{ authorizationToken = '', expiresAt = new Date(0) } = {}] = authorizationData
    const [user, password = ''] = Buffer.from(authorizationToken, 'base64').toString().split(':')
    return { user, password, expiresAt }
  }

  it('hands out tokens of its form that are good for twelve hours', async () => {
    const { user, password, expiresAt } = await fetchToken()
    expect(user).toBe('AWS')
    expect(password).toMatch(/^eyJwYXlsb2Fk/)
    expect((await fetchToken()).password).not.toBe(password)
    const { aws } = test
    const untilExpiry = (expiresAt.getTime() - Date.now()) / 1000
    expect(untilExpiry).toBeGreaterThan(11.9 * 3600)
    expect(aws.judgeEcrPassword(password)).toBe('valid')
    expect(aws.judgeEcrPassword('another')).toBe('unknown')
    aws.pass(untilExpiry + 1)
    expect(aws.judgeEcrPassword(password)).toBe('expired')
    expect(aws.judgeEcrPassword((await fetchToken()).password)).toBe('valid')
  })

  it('gives a token to a function whose role may take one, and to no other', async () => {
    const { user } = await fetchToken(test.aws.clientOf('landfall-local-trusting'))
    expect(user).toBe('AWS')
    const refused = fetchToken(test.aws.clientOf('landfall-local-other'))
    await expect(refused).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  it('judges a pull from ECR by the role that took the token', async () => {
    const { aws } = test
    const { password } = await fetchToken(aws.clientOf('landfall-local-trusting'))
    const judge = (action: string, name: string) =>
      aws.judgeEcrPassword(password, { action, resource: toRepository(name) })
    expect(judge('ecr:BatchGetImage', 'acme/shop')).toBe('valid')
    expect(judge('ecr:BatchGetImage', 'acme/other')).toBe('denied')
    expect(judge('ecr:GetDownloadUrlForLayer', 'acme/shop')).toBe('denied')
    expect(aws.access.denials).toHaveLength(2)
  })

  it('trusts the authorities that NODE_EXTRA_CA_CERTS names', async () => {
    const { key, certificate } = authority
    const secrets = { key: readFileSync(key), cert: readFileSync(certificate) }
    const server = createServer(secrets, (_request, response) => response.end())
    server.listen(0, 'localhost')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const lambda = new LambdaClient({ ...test.client, maxAttempts: 1 })
    const ask = async (name: string) => {
      const Payload = JSON.stringify({ url: `https://localhost:${port}/` })
      const order = new InvokeCommand({ FunctionName: `landfall-local-${name}`, Payload })
      return Buffer.from((await lambda.send(order)).Payload ?? []).toString()
    }
    expect(await ask('trusting')).toBe('200')
    expect(await ask('other')).toBe('"DEPTH_ZERO_SELF_SIGNED_CERT"')
    server.closeAllConnections()
    server.close()
  })
})
