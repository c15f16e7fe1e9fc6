import type { HttpAnswer } from './http.ts'
import { AwsError } from './operation.ts'

/** JSON 1.0/1.1 write a timestamp as seconds since 1970, with milliseconds behind the point. */
const toWire = (value: unknown): unknown => {
  if (value instanceof Date) return value.getTime() / 1000
  if (Array.isArray(value)) return value.map(toWire)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toWire(field)]))
}

export const parseJsonInput = (body: Buffer): unknown => {
  try {
    return body.length === 0 ? {} : JSON.parse(body.toString('utf8'))
  } catch {
    throw new AwsError('SerializationException', 'The request body is not valid JSON.')
  }
}

const toAnswer = (statusCode: number, version: string, body: unknown): HttpAnswer => ({
  statusCode,
  headers: { 'content-type': `application/x-amz-json-${version}` },
  body: JSON.stringify(body),
})

export const renderJson = (output: unknown, version: string): HttpAnswer =>
  toAnswer(200, version, toWire(output ?? {}))

export const renderJsonError = (error: AwsError, version: string): HttpAnswer =>
  toAnswer(error.statusCode, version, {
    __type: error.code,
    message: error.message,
    Message: error.message,
  })
