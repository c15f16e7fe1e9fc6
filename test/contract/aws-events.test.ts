import { readFileSync } from 'node:fs'
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { AwsEvent } from '../../local/aws/index.ts'
import { createEventReporter } from '../../src/aws/events.ts'
import { startTestAws, waitUntil, writeFunction, type TestAws } from '../support/local-aws.ts'
import type { Reporter } from '../../src/report/reporter.ts'
import { deploymentOf, noticeOf, origin, reportingApp } from '../support/reports.ts'
import { startVendor } from '../../local/base/vendor.ts'

const echo = `export const handler = async (event) => { console.log(JSON.stringify(event)) }`
const functionName = 'landfall-local-echo'
const page = readFileSync('docs/events.md', 'utf8')
const [pattern, example] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, text = '']): unknown => JSON.parse(text),
)

const failed = noticeOf('failed', deploymentOf(7, { origin }), {
  reason: 'unhealthy',
  message: 'GET / answered 400',
})

describe('the event bus', () => {
  let aws: TestAws
  beforeEach(async () => {
    const rules = [{ name: 'mine', pattern, targets: [{ functionName, input: undefined }] }]
    aws = await startTestAws({ service: { rules, functions: [writeFunction('echo', echo)] } })
  })
  afterEach(() => aws.stop())

  const report: Reporter = (...notice) =>
    createEventReporter(() => new EventBridgeClient(aws.client))(...notice)
  const received = (): readonly AwsEvent[] =>
    aws.logs
      .filter((line) => line.startsWith(`${functionName} {`))
      .map((line) => AwsEvent.parse(JSON.parse(line.slice(functionName.length + 1))))

  test('sends a notice as the event of docs/events.md, which the page’s rule receives', async () => {
    expect(await report(noticeOf('started'), reportingApp())).toEqual({ kind: 'sent' })
    // The head has more of a notice than its event.
    const owed = { ...failed, sentTo: [], tries: 3, dueAt: failed.at, claimedUntil: null }
    expect(await report(owed, reportingApp())).toEqual({ kind: 'sent' })
    await waitUntil(() => received().length > 0, 'the rule has an event')
    expect(received().map(({ detail }) => detail)).toEqual([example])
    expect(received()[0]?.time).toBe('2026-11-20T12:07:00Z')
  })

  test('sends a notice without a deployment', async () => {
    expect(await report(noticeOf('frozen', null), reportingApp())).toEqual({ kind: 'sent' })
  })
})

describe('a failed event', () => {
  const reporterAt = (endpoint: string) =>
    createEventReporter(() => {
      const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
      return new EventBridgeClient({ endpoint, region: 'eu-west-3', credentials, maxAttempts: 1 })
    })

  const tellOnce = async (status: number, body: unknown) => {
    const vendor = await startVendor(() => ({ status: 500 }))
    vendor.fate = () => ({ kind: 'answer', status, body })
    try {
      return await reporterAt(vendor.url.href)(failed, reportingApp())
    } finally {
      await vendor.stop()
    }
  }

  const entry = (ErrorCode: string) => ({ FailedEntryCount: 1, Entries: [{ ErrorCode }] })

  test.each([
    ['the bus fails for the entry', 200, entry('InternalFailure'), 'later'],
    ['the bus throttles the entry', 200, entry('ThrottlingException'), 'later'],
    ['the bus refuses the entry', 200, entry('NotAuthorizedForSourceException'), 'refused'],
    ['a right is missing', 400, { __type: 'AccessDeniedException' }, 'refused'],
    ['the call is throttled', 400, { __type: 'ThrottlingException' }, 'later'],
    ['the call fails inside AWS', 500, { __type: 'InternalException' }, 'later'],
  ])('reports a failed event: %s', async (_what, status, body, kind) => {
    const telling = await tellOnce(status, body)
    expect(telling.kind).toBe(kind)
    const Named = z.object({ why: z.string().regex(/^EventBridge/) })
    expect(Named.safeParse(telling).success).toBe(true)
  })

  test('sends an event later if EventBridge does not answer', async () => {
    const report = reporterAt('http://127.0.0.1:1')
    expect(await report(failed, reportingApp())).toMatchObject({ kind: 'later' })
  })
})
