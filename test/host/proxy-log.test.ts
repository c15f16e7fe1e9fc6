import { readFileSync, realpathSync } from 'node:fs'
import { Agent } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { docker, run } from '../../local/docker/docker.ts'
import { createAlarm, readAgentConfiguration } from '../support/alarm-recipe.ts'
import { parseFilterPattern } from '../support/filter-pattern.ts'
import { waitFor } from '../support/wait.ts'
import { ask as askOnce } from './load.ts'
import type { HostAnswer, Instance } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let image: Image
let instance: Instance
let app: string
let neighbour: string
const [mine, other] = ['a.example.com', 'b.example.com']

const deploy = (name: string, host: string, generation = 1): Promise<HostAnswer> => {
  const settings = { host: [host], hold: 1, publishAddress: '' }
  return instance.deploy({ app: name, generation, fence: generation, ...image, settings })
}

beforeAll(async () => {
  stage = await openStage()
  image = await stage.publish('logged')
  instance = await stage.instance()
  app = stage.app('shop')
  expect(await deploy(app, mine)).toMatchObject({ outcome: 'succeeded' })
  neighbour = stage.app('shop-two')
  expect(await deploy(neighbour, other)).toMatchObject({ outcome: 'succeeded' })
})
afterAll(async () => stage.close())

/** Asks as a browser that is logged in would, and answers the status. */
const ask = async (host: string, path: string): Promise<number> => {
  const headers = [`Host: ${host}`, 'Cookie: session=planted', 'Authorization: Bearer planted']
  const options = headers.flatMap((header) => ['--header', header])
  const url = `http://127.0.0.1:${instance.port}${path}`
  const quiet = ['--silent', '--output', '/dev/null', '--write-out', '%{http_code}']
  return Number(await run('curl', [...quiet, ...options, url]))
}

/** Where the shipped agent's configuration looks, on this instance. */
const logOf = (): string =>
  readAgentConfiguration()
    .file_path.replace('/var/lib/landfall', instance.root)
    .replace('/80/', `/${instance.port}/`)

/** Those of requests; what HAProxy says of itself is no such line. */
const requestLines = (): readonly string[] =>
  readFileSync(logOf(), 'utf8')
    .trim()
    .split('\n')
    .filter((line) => line.includes('status='))

/** Lines come in their order, and a request has its own some time after its answer. */
const waitForStatus = (status: number): Promise<void> =>
  waitFor(`a line with status=${status}`, () =>
    requestLines().some((line) => line.includes(`status=${status}`)),
  )

const DockerLine = z.object({
  log: z.string(),
  stream: z.enum(['stdout', 'stderr']),
  time: z.iso.datetime(),
})
const textOf = (line: string): string => DockerLine.parse(JSON.parse(line)).log

const logPath = async (proxy: string): Promise<string> =>
  (await docker(['inspect', '--format', '{{.LogPath}}', proxy])).trim()

test('a log line has the app, status, duration, size and ending', async () => {
  await ask(mine, '/answer?status=201')
  await waitForStatus(201)
  const [line = '', ...more] = requestLines().map(textOf)
  expect(line).toMatch(new RegExp(`^app-${app} status=201 ms=\\d+ bytes=\\d+ end=-- method=GET\n$`))
  expect(more).toEqual([])
})

test('the shipped filters count the 5xx of their app, all of them and nothing else', async () => {
  const before = requestLines().length
  const asked: number[] = []
  for (const status of [200, 404, 500, 200, 502, 404])
    asked.push(await ask(mine, `/answer?status=${status}&token=planted`))
  for (const status of [500, 200]) await ask(other, `/answer?status=${status}`)
  await ask('c.example.com', '/answer?status=500')
  await docker(['stop', `landfall-${app}.1`])
  asked.push(...(await Promise.all([ask(mine, '/'), ask(mine, '/reset/planted')])))
  expect(asked).toEqual([200, 404, 500, 200, 502, 404, 503, 503])

  // The checks of two deployments went through the proxy, and one request was nobody's: no line of them.
  await ask(other, '/answer?status=418')
  await waitForStatus(418)
  const lines = requestLines().slice(before)
  expect(lines).toHaveLength(11)
  expect(lines.join('\n')).not.toContain('planted')

  const { filters } = await createAlarm(app)
  const counted = filters.map(({ filterName, filterPattern }) => {
    const found = lines.filter(parseFilterPattern(filterPattern)).map(textOf)
    return [filterName, found.map((text) => Number(/ status=(\d+) /.exec(text)?.[1]))]
  })
  expect(counted).toEqual([
    [`${app}-requests`, asked],
    [`${app}-5xx`, [500, 502, 503, 503]],
  ])
})

test('about a hundred requests a second are logged, however many there are', async () => {
  const requests = 3000
  const before = requestLines().length
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  const begin = Date.now()
  // Two backends of one app answer them.
  const methods = Array.from({ length: requests }, (_, at) => (at % 2 === 0 ? 'GET' : 'POST'))
  const options = { host: other, agent }
  await Promise.all(methods.map((method) => askOnce(instance.port, { ...options, method })))
  const seconds = (Date.now() - begin) / 1000
  agent.destroy()
  // Once the rate is low again each request has its line, and all lines before it are there.
  const lines = () => requestLines().slice(before)
  await waitFor('a line with status=204', async () => {
    await ask(other, '/answer?status=204')
    return lines().some((line) => line.includes('status=204'))
  })
  const written = lines().filter((line) => line.includes(`app-${neighbour} status=200`)).length
  // The rate is that of the last second: while it grows from nothing, a logarithm more. The rest is for the lots.
  const expected = 100 * (1 + Math.log(requests / 100) + seconds)
  expect(written).toBeGreaterThanOrEqual(100)
  expect(written).toBeLessThan(1.5 * expected)
})

test('the log is limited and has one path, also after a restart and in another container', async () => {
  const proxy = `landfall-proxy-${instance.port}`
  const first = await logPath(proxy)
  expect(realpathSync(logOf())).toBe(realpathSync(first))
  const limits = await docker(['inspect', '--format', '{{json .HostConfig.LogConfig}}', proxy])
  expect(JSON.parse(limits)).toEqual({
    Type: 'json-file',
    Config: { 'max-size': '10m', 'max-file': '3' },
  })
  await docker(['restart', proxy])
  expect(realpathSync(logOf())).toBe(realpathSync(first))

  await docker(['rm', '--force', proxy])
  expect(await deploy(neighbour, other, 2)).toMatchObject({ outcome: 'succeeded' })
  expect(await logPath(proxy)).not.toBe(first)
  expect(realpathSync(logOf())).toBe(realpathSync(await logPath(proxy)))
  // The agent finds the time of a line by this form.
  await ask(other, '/answer?status=202')
  await waitForStatus(202)
  for (const line of readFileSync(logOf(), 'utf8').trim().split('\n'))
    expect(line).toMatch(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/)
})
