import { readFileSync } from 'node:fs'
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { AwsEvent } from '../../local/aws/index.ts'
import { createEventReporter } from '../../src/aws/events.ts'
import { startTestAws, waitUntil, writeFunction, type TestAws } from '../support/local-aws.ts'
import { deploymentOf, noticeOf, reportingApp } from '../support/reports.ts'
import { startVendor } from '../../local/base/vendor.ts'

const echo = `export const handler = async (event) => { console.log(JSON.stringify(event)) }`
const functionName = 'landfall-local-echo'
const page = readFileSync('docs/events.md', 'utf8')
const [pattern, example] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, text = '']): unknown => JSON.parse(text),
)

const failed = noticeOf('failed', deploymentOf(7), {
  reason: 'unhealthy',
  message: 'GET / answered 400',
})

describe('on the bus', () => {
  let aws: TestAws
  beforeEach(async () => {
    const rules = [{ name: 'mine', pattern, targets: [{ functionName, input: undefined }] }]
    aws = await startTestAws({ service: { rules, functions: [writeFunction('echo', echo)] } })
  })
  afterEach(() => aws.stop())

  const received = (): readonly AwsEvent[] =>
    aws.logs
      .filter((line) => line.startsWith(`${functionName} {`))
      .map((line) => AwsEvent.parse(JSON.parse(line.slice(functionName.length + 1))))

  test("a fact is the event that docs/events.md shows, and the page's rule gets it", async () => {
    const report = createEventReporter(() => new EventBridgeClient({ ...aws.client }))
    expect(await report(noticeOf('started'), reportingApp())).toEqual({ kind: 'sent' })
    // The head has more of a fact that is owed than is told of it.
    const owed = { ...failed, sentTo: [], tries: 3, dueAt: failed.at, claimedUntil: null }
    expect(await report(owed, reportingApp())).toEqual({ kind: 'sent' })
    await waitUntil(() => received().length > 0, 'the rule has an event')
    expect(received().map(({ detail }) => detail)).toEqual([example])
    expect(received()[0]?.time).toBe('2026-11-20T12:07:00Z')
  })

  test('what is of no deployment has none', async () => {
    const report = createEventReporter(() => new EventBridgeClient({ ...aws.client }))
    expect(await report(noticeOf('frozen', null), reportingApp())).toEqual({ kind: 'sent' })
  })
})

describe('an answer', () => {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }

  const tellOnce = async (status: number, body: unknown) => {
    const vendor = await startVendor(() => ({ status: 500 }))
    vendor.fate = () => ({ kind: 'answer', status, body })
    try {
      const report = createEventReporter(
        () =>
          new EventBridgeClient({
            endpoint: vendor.url.href,
            region: 'eu-west-3',
            credentials,
            maxAttempts: 1,
          }),
      )
      return await report(failed, reportingApp())
    } finally {
      await vendor.stop()
    }
  }

  const entry = (ErrorCode: string) => ({ FailedEntryCount: 1, Entries: [{ ErrorCode }] })

  test.each([
    ['that the bus could not take it just now', 200, entry('InternalFailure'), 'later'],
    ['that there is too much', 200, entry('ThrottlingException'), 'later'],
    ['that the bus does not take it', 200, entry('NotAuthorizedForSourceException'), 'refused'],
    ['that a right is missing', 400, { __type: 'AccessDeniedException' }, 'refused'],
    ['that the account asks too often', 400, { __type: 'ThrottlingException' }, 'later'],
    ['of trouble', 500, { __type: 'InternalException' }, 'later'],
  ])('%s', async (_what, status, body, kind) => {
    const telling = await tellOnce(status, body)
    expect(telling.kind).toBe(kind)
    const Named = z.object({ why: z.string().regex(/^EventBridge/) })
    expect(Named.safeParse(telling).success).toBe(true)
  })

  test('that does not come is later', async () => {
    const report = createEventReporter(
      () =>
        new EventBridgeClient({
          endpoint: 'http://127.0.0.1:1',
          region: 'eu-west-3',
          credentials,
          maxAttempts: 1,
        }),
    )
    expect(await report(failed, reportingApp())).toMatchObject({ kind: 'later' })
  })
})
