import { describe, expect, it } from 'vitest'
import { answerHttp, type ReceiveServices } from '../../../src/delivery/receive.ts'
import type { HookRequest } from '../../../src/delivery/request.ts'
import { lambda } from '../../../src/lambda.ts'
import { pushBody } from '../../support/github-events.ts'
import { createReceiving, githubRequest, requestOf } from '../../support/receiving.ts'

const toEvent = ({ method, path, headers, body }: HookRequest) => ({
  rawPath: path,
  requestContext: { http: { method } },
  headers: Object.fromEntries(headers),
  body: body.toString('base64'),
  isBase64Encoded: true,
})

const push = toEvent(githubRequest('push', pushBody()))
const healthOf = (method: string) => toEvent(requestOf({ method, path: '/healthz' }))

const createWebhook = (compose: () => ReceiveServices) =>
  lambda('webhook', compose, (services, event) => answerHttp(event, services))

describe('webhook', () => {
  it('answers GET /healthz without services, and composes them once for deliveries', async () => {
    const { services, calls } = createReceiving()
    let made = 0
    const webhook = createWebhook(() => {
      made += 1
      return services
    })
    expect(await webhook(healthOf('GET'))).toMatchObject({
      statusCode: 200,
      body: '{"status":"ok"}',
    })
    expect(made).toBe(0)
    expect(await webhook(healthOf('POST'))).toMatchObject({ statusCode: 404 })
    expect(await webhook(push)).toMatchObject({ statusCode: 202 })
    expect(await webhook(push)).toMatchObject({ statusCode: 200 })
    expect(made).toBe(1)
    expect(calls).toEqual(['evidence', 'receipt', 'nudge', 'evidence', 'receipt', 'nudge'])
  })

  it('composes its services again after a failure', async () => {
    const { services } = createReceiving()
    let made = 0
    const webhook = createWebhook(() => {
      made += 1
      if (made === 1) throw new Error('TABLE_NAME is missing')
      return services
    })
    await expect(webhook(push)).rejects.toThrow('TABLE_NAME')
    expect(await webhook(push)).toMatchObject({ statusCode: 202 })
  })

  it('throws for an event that is not from an HTTP API', async () => {
    const webhook = createWebhook(() => createReceiving().services)
    await expect(webhook({ source: 'aws.events' })).rejects.toThrow('rawPath')
  })
})
