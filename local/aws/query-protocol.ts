import { randomUUID } from 'node:crypto'
import type { HttpAnswer } from './http.ts'
import type { AwsError } from './operation.ts'
import { renderXml } from './xml.ts'

/** The services that are spoken to by forms and XML, named by the API version that each form carries. */
export const queryServices = {
  '2016-11-15': { service: 'ec2', namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/' },
  '2010-08-01': {
    service: 'monitoring',
    namespace: 'http://monitoring.amazonaws.com/doc/2010-08-01/',
  },
  '2011-06-15': { service: 'sts', namespace: 'https://sts.amazonaws.com/doc/2011-06-15/' },
} as const

export type QueryVersion = keyof typeof queryServices

export const isQueryVersion = (text: string): text is QueryVersion =>
  Object.hasOwn(queryServices, text)

const toAnswer = (statusCode: number, body: string): HttpAnswer => ({
  statusCode,
  headers: { 'content-type': 'text/xml;charset=UTF-8' },
  body: `<?xml version="1.0" encoding="UTF-8"?>${body}`,
})

export const renderQuery = (action: string, version: QueryVersion, output: unknown): HttpAnswer => {
  const { namespace, service } = queryServices[version]
  const open = `<${action}Response xmlns="${namespace}">`
  const close = `</${action}Response>`
  if (service === 'ec2')
    return toAnswer(
      200,
      `${open}<requestId>${randomUUID()}</requestId>${renderXml(output, 'item')}${close}`,
    )
  const result = `<${action}Result>${renderXml(output, 'member')}</${action}Result>`
  const metadata = `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`
  return toAnswer(200, `${open}${result}${metadata}${close}`)
}

export const renderQueryError = (error: AwsError, version: QueryVersion): HttpAnswer => {
  const { namespace, service } = queryServices[version]
  const code = { Code: error.code, Message: error.message }
  if (service === 'ec2') {
    const errors = renderXml({ Errors: { Error: code }, RequestID: randomUUID() }, 'item')
    return toAnswer(error.statusCode, `<Response>${errors}</Response>`)
  }
  const body = renderXml({ Error: { Type: 'Sender', ...code }, RequestId: randomUUID() }, 'member')
  return toAnswer(error.statusCode, `<ErrorResponse xmlns="${namespace}">${body}</ErrorResponse>`)
}
