import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
} from '@aws-sdk/client-cloudwatch'
import { ListCommandsCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi } from '../../local/aws/index.ts'
import { startVendor } from '../../local/base/vendor.ts'
import { startHeroku } from '../../local/heroku/heroku.ts'
import { startRegistryFront } from '../../local/heroku/registry-front.ts'
import { startRender } from '../../local/render/render.ts'
import {
  startTestAws,
  toDocument,
  waitUntil,
  writeFunction,
  type TestAws,
} from '../support/local-aws.ts'
import { sendRaw } from '../support/send-raw.ts'
import { postForm, postJson } from '../support/signed-post.ts'

const documentName = 'landfall-local-deploy-00000000'
const functionName = 'landfall-local-one'
const invocations = `/2015-03-31/functions/${functionName}/invocations`

const directory = mkdtempSync(join(tmpdir(), 'landfall-hosts-'))
/** What the document's script leaves behind. */
const trace = join(directory, 'trace')
let local: TestAws
/** Where each server of the stack answers. */
const urls = new Map<string, string>()
const started: { readonly stop: () => Promise<void> }[] = []

const startServers = async (): Promise<void> => {
  const routes = [{ routeKey: '$default', functionName }]
  const api = await startApi({
    port: 0,
    routes,
    hosts: ['named.tunnel.example'],
    client: local.client,
  })
  const isToken = (): boolean => true
  const heroku = await startHeroku({
    isToken,
    apps: [{ name: 'shop' }],
    hasImage: async () => true,
  })
  const front = await startRegistryFront({ registry: 'localhost:1', isToken })
  const render = await startRender({ isToken, services: [{ id: 'srv-000000000000000000g0' }] })
  const vendor = await startVendor(() => ({ status: 200 }))
  started.push(api, heroku, front, render, vendor)
  for (const [name, url] of [
    ['AWS', local.aws.address],
    ['API', api.address],
    ['Heroku', heroku.url.href],
    ['registry of Heroku', front.url.href],
    ['Render', render.url.href],
    ['stand-in of a vendor', vendor.url.href],
    ['app at Heroku', heroku.app('shop')?.webUrl ?? ''],
  ] as const)
    urls.set(name, url)
}

beforeAll(async () => {
  const source = `export const handler = async () => { console.log('it ran'); return { statusCode: 200 } }`
  local = await startTestAws({
    service: {
      functions: [writeFunction('one', source)],
      documents: [{ name: documentName, text: toDocument(`id > '${trace}'`) }],
    },
  })
  await startServers()
})
afterAll(async () => {
  for (const server of started) await server.stop()
  await local.stop()
  rmSync(directory, { recursive: true })
})

const all = ['AWS', 'API', 'Heroku', 'registry of Heroku', 'Render', 'stand-in of a vendor']

const portOf = (name: string): string => new URL(urls.get(name) ?? '').port

const foreignHosts = (port: string): readonly string[] => [
  `rebound.evil.example:${port}`,
  'rebound.evil.example',
  'localhost',
  'localhost:1',
  `localhost.evil.example:${port}`,
  `127.0.0.1.evil.example:${port}`,
  `evil.example@localhost:${port}`,
  `0.0.0.0:${port}`,
]

const ofForeignPages: readonly Readonly<Record<string, string>>[] = [
  { origin: 'https://evil.example', expect: '100-continue' },
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
]

const ofPages = [...ofForeignPages, { 'sec-fetch-site': 'same-origin' }]

describe.each(all)('the port of the local stack: %s', (name) => {
  it('refuses a request to another host than this machine', async () => {
    for (const host of foreignHosts(portOf(name))) {
      const answer = await sendRaw(urls.get(name) ?? '', { host }, { method: 'POST', body: '{}' })
      expect([host, answer.status]).toEqual([host, 403])
      expect(answer.text).toMatch(/^Refused: the Host header must be one of localhost:\d+, .+\n$/)
    }
  })

  it('refuses the requests of a web page', async () => {
    for (const headers of name === 'API' ? ofForeignPages : ofPages)
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const answer = await sendRaw(urls.get(name) ?? '', headers, { method })
        expect(answer.status).toBe(403)
        expect(answer.text).toMatch(/^Refused: the request comes from a web page .+\n$/)
      }
  })

  it('takes the three names of this machine', async () => {
    for (const own of ['localhost', 'LOCALHOST', '127.0.0.1', '[::1]']) {
      const host = `${own}:${portOf(name)}`
      const answer = await sendRaw(urls.get(name) ?? '', { host, 'sec-fetch-site': 'none' })
      expect(answer.text).not.toMatch(/^Refused/)
    }
  })
})

describe('the local HTTP API', () => {
  it('takes the name of a tunnel that it was told of, and no web page there', async () => {
    const host = 'named.tunnel.example'
    expect((await sendRaw(urls.get('API') ?? '', { host })).text).not.toMatch(/^Refused/)
    const page = { host, origin: 'https://evil.example' }
    expect((await sendRaw(urls.get('API') ?? '', page)).status).toBe(403)
  })

  it('takes the forms of its own page and a link that leads to it, and no form of another', async () => {
    const url = urls.get('API') ?? ''
    const own = { origin: `http://localhost:${portOf('API')}`, 'sec-fetch-site': 'same-origin' }
    for (const method of ['GET', 'POST'])
      expect((await sendRaw(url, own, { method })).text).not.toMatch(/^Refused/)
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    expect((await sendRaw(url, link)).text).not.toMatch(/^Refused/)
    for (const headers of [link, { ...own, origin: 'http://localhost:1' }])
      expect((await sendRaw(url, headers, { method: 'POST' })).status).toBe(403)
  })
})

describe('an app at the local Heroku', () => {
  it('refuses a request to another host, and takes the requests of its own pages', async () => {
    const name = 'app at Heroku'
    for (const host of foreignHosts(portOf(name)))
      expect((await sendRaw(urls.get(name) ?? '', { host })).status).toBe(403)
    for (const headers of ofPages)
      expect((await sendRaw(urls.get(name) ?? '', headers)).text).not.toMatch(/^Refused/)
  })
})

describe('the AWS endpoint of the local stack', () => {
  const target = (operation: string, more: Readonly<Record<string, string>> = {}) => ({
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': `AmazonSSM.${operation}`,
    ...more,
  })
  const post = (path: string, headers: Readonly<Record<string, string>>, body: string) =>
    sendRaw(new URL(path, local.aws.address), headers, { method: 'POST', body })
  const order = { DocumentName: documentName, InstanceIds: ['i-00000001'] }

  it('runs nothing for who has no key: on no instance, no function and no alarm', async () => {
    const ran = local.logs.length
    const cloudwatch = new CloudWatchClient(local.client)
    const alarm = { AlarmName: 'app-5xx', Namespace: 'AWS/ApplicationELB', MetricName: 'm' }
    const terms = { Statistic: 'Sum', Period: 60, EvaluationPeriods: 1, Threshold: 1 } as const
    const ComparisonOperator = 'GreaterThanThreshold'
    await cloudwatch.send(new PutMetricAlarmCommand({ ...alarm, ...terms, ComparisonOperator }))
    const form = { Action: 'SetAlarmState', Version: '2010-08-01', AlarmName: 'app-5xx' }
    const body = new URLSearchParams({ ...form, StateValue: 'ALARM', StateReason: 'x' }).toString()
    const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' }
    const command = JSON.stringify(order)
    const { port } = new URL(local.aws.address)
    const answers = await Promise.all([
      // A rebound name, a foreign page, and a caller on this machine without a key.
      post('/', target('SendCommand', { host: `rebound.evil.example:${port}` }), command),
      post('/', target('SendCommand', { origin: 'https://evil.example' }), command),
      post('/', target('SendCommand'), command),
      // What a page may send without a preflight.
      post(invocations, { 'content-type': 'text/plain', origin: 'https://evil.example' }, '{}'),
      post(invocations, { 'content-type': 'text/plain' }, '{}'),
      post('/', { ...urlencoded, origin: 'https://evil.example' }, body),
      post('/', urlencoded, body),
    ])
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 400, 403, 403, 403, 403])
    expect(answers[2]?.text).toContain('MissingAuthenticationTokenException')
    expect(answers[4]?.text).toContain('not signed')
    expect(answers[6]?.text).toContain('<Code>MissingAuthenticationToken</Code>')
    const { Commands } = await new SSMClient(local.client).send(new ListCommandsCommand({}))
    expect(Commands).toEqual([])
    expect(existsSync(trace)).toBe(false)
    expect(local.logs.slice(ran)).toEqual([])
    const { MetricAlarms } = await cloudwatch.send(new DescribeAlarmsCommand({}))
    expect(MetricAlarms).toMatchObject([{ StateValue: 'INSUFFICIENT_DATA' }])
  })

  it.each(['CreateDocument', 'UpdateDocument', 'UpdateDocumentDefaultVersion', 'DeleteDocument'])(
    'runs the scripts of the package alone: %s is refused to the administrator too',
    async (operation) => {
      const order = { Name: documentName, Content: toDocument('id'), DocumentVersion: '$LATEST' }
      const { status, text } = await postJson(local.client, 'ssm', `AmazonSSM.${operation}`, order)
      expect([status, text]).toEqual([400, expect.stringContaining('UnknownOperationException')])
    },
  )

  it('serves the same calls to who has the key', async () => {
    await new SSMClient(local.client).send(new SendCommandCommand(order))
    await waitUntil(() => existsSync(trace), 'the script has run')
    const form = { Action: 'DescribeAlarms', Version: '2010-08-01' }
    const { status, text } = await postForm(local.client, 'monitoring', form)
    expect(status).toBe(200)
    expect(text).toContain('<AlarmName>app-5xx</AlarmName>')
  })
})
