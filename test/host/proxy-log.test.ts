import { readFileSync, realpathSync } from 'node:fs'
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { docker, run } from '../../local/docker/docker.ts'
import { createAlarm, readAgentConfiguration } from '../support/alarm-recipe.ts'
import { parseFilterPattern } from '../support/filter-pattern.ts'
import { waitUntil } from '../support/local-aws.ts'
import { ask as askOnce } from './load.ts'
import type { Instance } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let image: Image
beforeAll(async () => {
  stage = await openStage()
  image = await stage.publish('logged')
})
afterAll(async () => stage.close())

const settings = (host: string) => ({ host: [host], hold: 1, publishAddress: '' })

/** Asks as a browser that is logged in would, and answers the status. */
const ask = async (instance: Instance, host: string, path: string): Promise<number> => {
  const headers = [`Host: ${host}`, 'Cookie: session=planted', 'Authorization: Bearer planted']
  const options = headers.flatMap((header) => ['--header', header])
  const url = `http://127.0.0.1:${instance.port}${path}`
  const quiet = ['--silent', '--output', '/dev/null', '--write-out', '%{http_code}']
  return Number(await run('curl', [...quiet, ...options, url]))
}

/** Where the shipped agent's configuration looks, on this instance. */
const logOf = (instance: Instance): string =>
  readAgentConfiguration()
    .file_path.replace('/var/lib/landfall', instance.root)
    .replace('/80/', `/${instance.port}/`)

const linesOf = (instance: Instance): readonly string[] =>
  readFileSync(logOf(instance), 'utf8').trim().split('\n')

const DockerLine = z.object({
  log: z.string(),
  stream: z.enum(['stdout', 'stderr']),
  time: z.iso.datetime(),
})
const textOf = (line: string): string => DockerLine.parse(JSON.parse(line)).log

const logPath = async (proxy: string): Promise<string> =>
  (await docker(['inspect', '--format', '{{.LogPath}}', proxy])).trim()

test('the shipped filters count the 5xx of their app, all of them and nothing else', async () => {
  const [app, neighbour] = [stage.app('shop'), stage.app('shop-two')]
  const instance = await stage.instance()
  const [mine, other] = ['a.example.com', 'b.example.com']
  for (const [name, host] of [
    [app, mine],
    [neighbour, other],
  ] as const) {
    const order = { app: name, generation: 1, fence: 1, ...image, settings: settings(host) }
    expect(await instance.deploy(order)).toMatchObject({ outcome: 'succeeded' })
  }
  const asked: number[] = []
  for (const status of [200, 404, 500, 200, 502, 404])
    asked.push(await ask(instance, mine, `/answer?status=${status}&token=planted`))
  for (const status of [500, 200]) await ask(instance, other, `/answer?status=${status}`)
  await ask(instance, 'c.example.com', '/answer?status=500')
  await docker(['stop', `landfall-${app}.1`])
  asked.push(await ask(instance, mine, '/'), await ask(instance, mine, '/reset/planted'))
  expect(asked).toEqual([200, 404, 500, 200, 502, 404, 503, 503])

  // The checks of two deployments went through the proxy, and one request was nobody's: no line of them.
  await waitUntil(() => linesOf(instance).filter((line) => line.includes('status=')).length >= 10)
  const lines = linesOf(instance)
  expect(lines.filter((line) => line.includes('status='))).toHaveLength(10)
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

test('a line tells the app, the status, the time it took, the size and how it ended', async () => {
  const app = stage.app('line')
  const instance = await stage.instance()
  const order = { app, generation: 1, fence: 1, ...image, settings: settings('a.example.com') }
  await instance.deploy(order)
  await ask(instance, 'a.example.com', '/')
  await waitUntil(() => linesOf(instance).some((line) => line.includes('status=200')))
  const texts = linesOf(instance).map(textOf)
  const line = texts.find((text) => text.includes('status=200')) ?? ''
  expect(line).toMatch(new RegExp(`^app-${app} status=200 ms=\\d+ bytes=\\d+ end=-- method=GET\n$`))
})

test('above a hundred requests a second one in ten is written down', async () => {
  const app = stage.app('many')
  const instance = await stage.instance()
  const order = { app, generation: 1, fence: 1, ...image, settings: settings('a.example.com') }
  await instance.deploy(order)
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  const begin = Date.now()
  const options = { host: 'a.example.com', agent }
  await Promise.all(Array.from({ length: 3000 }, () => askOnce(instance.port, options)))
  const seconds = (Date.now() - begin) / 1000
  agent.destroy()
  const count = (): number => linesOf(instance).filter((line) => line.includes('status=')).length
  await waitUntil(() => count() > 100)
  await sleep(500)
  // A tenth, and what comes before the rate is known to be higher: 100 in each second at most.
  expect(count()).toBeLessThan(0.15 * 3000 + 100 * (seconds + 1))
})

test('the log has an end and one path, also after a restart and in another container', async () => {
  const app = stage.app('path')
  const instance = await stage.instance()
  const proxy = `landfall-proxy-${instance.port}`
  const deploy = (generation: number) =>
    instance.deploy({
      app,
      generation,
      fence: generation,
      ...image,
      settings: { publishAddress: '' },
    })
  await deploy(1)
  const first = await logPath(proxy)
  expect(realpathSync(logOf(instance))).toBe(realpathSync(first))
  const limits = await docker(['inspect', '--format', '{{json .HostConfig.LogConfig}}', proxy])
  expect(JSON.parse(limits)).toEqual({
    Type: 'json-file',
    Config: { 'max-size': '10m', 'max-file': '3' },
  })
  await docker(['restart', proxy])
  expect(realpathSync(logOf(instance))).toBe(realpathSync(first))

  await docker(['rm', '--force', proxy])
  expect(await deploy(2)).toMatchObject({ outcome: 'succeeded' })
  expect(await logPath(proxy)).not.toBe(first)
  expect(realpathSync(logOf(instance))).toBe(realpathSync(await logPath(proxy)))
  // The agent finds the time of a line by this form.
  await ask(instance, 'a.example.com', '/')
  await waitUntil(() => linesOf(instance).some((line) => line.includes('status=200')))
  for (const line of linesOf(instance)) expect(line).toMatch(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/)
})
