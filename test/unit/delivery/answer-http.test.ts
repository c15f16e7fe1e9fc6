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
const health = toEvent(requestOf({ method: 'GET', path: '/healthz' }))

const createWebhook = (compose: () => ReceiveServices) =>
  lambda('webhook', compose, (services, event) => answerHttp(event, services))

describe('webhook', () => {
  it('is healthy before it has any service, and makes them once', async () => {
    const { services, calls } = createReceiving()
    let made = 0
    const webhook = createWebhook(() => {
      made += 1
      return services
    })
    expect(await webhook(health)).toMatchObject({ statusCode: 200, body: '{"status":"ok"}' })
    expect(made).toBe(0)
    expect(await webhook(push)).toMatchObject({ statusCode: 202 })
    expect(await webhook(push)).toMatchObject({ statusCode: 200 })
    expect(made).toBe(1)
    expect(calls).toEqual(['evidence', 'receipt', 'nudge', 'evidence', 'receipt', 'nudge'])
  })

  it('tries again to make its services after it failed to', async () => {
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

  it('says that an event is none of an HTTP API', async () => {
    const webhook = createWebhook(() => createReceiving().services)
    await expect(webhook({ source: 'aws.events' })).rejects.toThrow('rawPath')
  })
})
