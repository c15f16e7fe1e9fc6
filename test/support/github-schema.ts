import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import * as z from 'zod'
import { Violation, type Call } from '../../local/base/vendor.ts'

const Schema = z.record(z.string(), z.unknown())

/** The operations of GitHub's REST API that Landfall asks, as GitHub publishes them. */
export const githubOperations = z
  .array(
    z.strictObject({
      operationId: z.string(),
      method: z.string(),
      path: z.string(),
      deprecated: z.boolean(),
      query: z.record(z.string(), z.strictObject({ required: z.boolean(), schema: Schema })),
      body: Schema.nullable(),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL('schemas/github-api.json', import.meta.url), 'utf8')))

/** What GitHub's schema leaves open is closed: it would ignore a field that it does not know. */
const toObject = (properties: Readonly<Record<string, unknown>>, required: readonly string[]) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})

const settings = {
  strict: false,
  allErrors: true,
  formats: { 'date-time': true, int64: true } as const,
}
const ajv = new Ajv(settings)
/** Values of a query are texts. */
const coercing = new Ajv({ ...settings, coerceTypes: true })

const checks = githubOperations.map(({ operationId, method, path, query, body }) => {
  const parameters = Object.entries(query)
  const properties = Object.fromEntries(parameters.map(([name, { schema }]) => [name, schema]))
  const required = parameters.filter(([, one]) => one.required).map(([name]) => name)
  return {
    operationId,
    method,
    pattern: new RegExp(`^${path.replaceAll(/\{[a-z_]+\}/g, '[^/]+')}$`),
    isQuery: coercing.compile(toObject(properties, required)),
    isBody: body === null ? null : ajv.compile({ additionalProperties: false, ...body }),
  }
})

/**
 * The operation that a request asks.
 *
 * @throws Violation if GitHub has no such operation, or the request does not fit its schema
 */
export const checkGithubCall = ({ method, path, query, body }: Call): string => {
  const check = checks.find((one) => one.method === method && one.pattern.test(path))
  if (check === undefined) throw new Violation(`no operation of GitHub: ${method} ${path}`, 404)
  const { operationId, isQuery, isBody } = check
  if (!isQuery({ ...query }))
    throw new Violation(`${operationId}: query ${ajv.errorsText(isQuery.errors)}`)
  if (isBody === null && body !== undefined) throw new Violation(`${operationId} takes no body`)
  if (isBody !== null && !isBody(body))
    throw new Violation(`${operationId}: body ${ajv.errorsText(isBody.errors)}`)
  return operationId
}
