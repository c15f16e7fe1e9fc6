import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { renderJsonSchema } from '../../src/config/schema.ts'

const published = readFileSync('docs/landfall.schema.json', 'utf8')
const example: unknown = parse(readFileSync('landfall.example.yml', 'utf8'))

test('publishes the JSON Schema that landfall.yml is checked by (npm run schema)', () => {
  expect(published).toBe(renderJsonSchema())
})

test('the JSON Schema accepts the example, and refuses an unknown key and a wrong value', () => {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(published))
  expect(validate(example), JSON.stringify(validate.errors)).toBe(true)
  expect(validate({ ...Object(example), aps: {} })).toBe(false)
  expect(validate({ apps: { shop: { image: 'acme/shop:latest' } } })).toBe(false)
})

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object'

/** Every key of every object in the schema. */
const keysIn = (schema: unknown): string[] => {
  if (!isObject(schema)) return []
  const own = isObject(schema['properties']) ? Object.keys(schema['properties']) : []
  return [...own, ...Object.values(schema).flatMap(keysIn)]
}

test('the example has every key', () => {
  const text = readFileSync('landfall.example.yml', 'utf8')
  const missing = keysIn(JSON.parse(published)).filter(
    (key) => !new RegExp(`\\b${key}:`).test(text),
  )

  expect([...new Set(missing)]).toEqual([])
})
