import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { startHeroku, type HerokuServer } from '../../local/heroku/heroku.ts'
import { routes } from '../../local/heroku/routes.ts'

const Definition = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  links: z.array(z.looseObject({ method: z.string(), href: z.string() })).optional(),
})
const Schema = z.looseObject({ definitions: z.record(z.string(), Definition) })

const text = readFileSync('test/support/schemas/heroku-platform-api.json', 'utf8')
const published = Schema.parse(JSON.parse(text))

/** Of hyper-schema, which Ajv does not read; and the address, which is no herokuapp.com here. */
const cleaned: unknown = JSON.parse(text, (key: string, value: unknown) => {
  if (key === '$schema' || key === 'links') return undefined
  return typeof value === 'string' && value.includes('herokuapp') ? '^http://127' : value
})

const image = `sha256:${'a'.repeat(64)}`
let server: HerokuServer
beforeAll(async () => {
  server = await startHeroku({
    isToken: () => true,
    apps: [{ name: 'shop', quantities: { web: 1, worker: 1 } }],
    hasImage: (_app, _process, id) => Promise.resolve(id === image),
  })
})
afterAll(() => server.stop())

const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
  const variant = path.endsWith('/formation') && method === 'PATCH' ? '.docker-releases' : ''
  const answer = await fetch(new URL(path, server.url), {
    method,
    headers: {
      accept: `application/vnd.heroku+json; version=3${variant}`,
      authorization: 'Bearer any',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  expect(answer.ok).toBe(true)
  return answer.json()
}

const createAjv = () =>
  new Ajv({
    strict: false,
    allErrors: true,
    formats: {
      uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
      email: /^\S+@\S+$/,
      uri: /^https?:\/\/\S+$/,
    },
  }).addSchema(z.record(z.string(), z.unknown()).parse(cleaned), 'heroku')

/** What of an answer is against the published definition; Heroku leaves out no property of it. */
const findFaults = (name: string, value: unknown): unknown => {
  const isValid = createAjv().getSchema(`heroku#/definitions/${name}`)
  if (isValid === undefined) throw new Error(`no definition ${name}`)
  const properties = Object.keys(published.definitions[name]?.properties ?? {})
  const described = z.record(z.string(), z.unknown()).parse(value)
  return {
    errors: isValid(value) === true ? [] : isValid.errors,
    missing: properties.filter((one) => !(one in described)),
    more: Object.keys(described).filter((one) => !properties.includes(one)),
  }
}
const faultless = { errors: [], missing: [], more: [] }

it('answers with what the published schema defines, and nothing else', async () => {
  const updates = ['web', 'worker', 'release'].map((type) => ({ type, docker_image: image }))
  const list = z.array(z.unknown()).min(1)
  const formation = list.parse(await ask('PATCH', '/apps/shop/formation', { updates }))
  const releases = list.parse(await ask('GET', '/apps/shop/releases'))
  const dynos = list.parse(await ask('GET', '/apps/shop/dynos'))
  for (const [name, value] of [
    ['app', await ask('GET', '/apps/shop')],
    ['app-feature', await ask('GET', '/apps/shop/features/preboot')],
    ['rate-limit', await ask('GET', '/account/rate-limits')],
    ...formation.map((one) => ['formation', one] as const),
    ...releases.map((one) => ['release', one] as const),
    ...dynos.map((one) => ['dyno', one] as const),
  ] as const)
    expect([name, findFaults(name, value)]).toEqual([name, faultless])
  const vars = await ask('PATCH', '/apps/shop/config-vars', { A: '1' })
  expect(createAjv().validate('heroku#/definitions/config-var/definitions/config_vars', vars)).toBe(
    true,
  )
  expect(server.violations).toEqual([])
})

it('would be found out: a status and an address that the schema has not', async () => {
  const [release] = z
    .array(z.record(z.string(), z.unknown()))
    .parse(await ask('GET', '/apps/shop/releases'))
  expect(findFaults('release', { ...release, status: 'pondering' })).not.toEqual(faultless)
  expect(findFaults('app', { ...release, web_url: 'ftp://shop' })).not.toEqual(faultless)
})

it('has no endpoint that the published schema has not', () => {
  const links = Object.values(published.definitions).flatMap(({ links = [] }) =>
    links.map(({ method, href }) => `${method} ${href.replaceAll(/\{\([^)]*\)\}/g, '{}')}`),
  )
  for (const { method, path } of routes)
    expect(links).toContain(`${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`)
})
