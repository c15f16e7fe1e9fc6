import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { startTestAws, writeFunction } from '../support/local-aws.ts'

const matching: Readonly<Record<string, object>> = {
  'an exact value': { source: ['aws.ec2', 'aws.ssm'] },
  'one element of a list': { resources: ['arn:b'] },
  'a nested field': { detail: { status: ['Success'] } },
  null: { detail: { nothing: [null] } },
  'a prefix': { detail: { name: [{ prefix: 'landfall-prod-deploy-' }] } },
  'a suffix': { detail: { name: [{ suffix: '-1' }] } },
  'a wildcard': { detail: { name: [{ wildcard: 'landfall-*-deploy-*' }] } },
  'the case left aside': { detail: { status: [{ 'equals-ignore-case': 'SUCCESS' }] } },
  'anything but a list': { detail: { status: [{ 'anything-but': ['Failed', 'TimedOut'] }] } },
  'anything but a prefix': { detail: { name: [{ 'anything-but': { prefix: 'other' } }] } },
  'a range': { detail: { code: [{ numeric: ['>', 2, '<=', 3] }] } },
  'a field that is present': { detail: { code: [{ exists: true }] } },
  'a field that is absent': { detail: { other: [{ exists: false }] } },
  'one branch of $or': { source: ['aws.ssm'], $or: [{ a: ['b'] }, { detail: { code: [3] } }] },
}

const others: Readonly<Record<string, object>> = {
  'another value': { source: ['aws.ec2'] },
  'a number for its text': { detail: { code: ['3'] } },
  'a field that is not there': { detail: { other: ['x'] } },
  'anything but, of a field that is not there': { detail: { other: [{ 'anything-but': 'x' }] } },
  'one of two keys': { source: ['aws.ssm'], detail: { status: ['Failed'] } },
  'no branch of $or': { $or: [{ a: ['b'] }, { detail: { code: [4] } }] },
  'an unknown condition': { source: [{ unheard: 'aws' }] },
}

const Note = z.object({ rule: z.string() })

test('an event wakes the targets of each rule whose pattern matches it, and no other', async () => {
  const rules = Object.entries({ ...matching, ...others }).map(([name, pattern]) => ({
    name,
    pattern,
    targets: [{ functionName: 'landfall-local-any', input: { rule: name } }],
  }))
  const functions = [writeFunction('any', '')]
  const local = await startTestAws({ service: { rules, functions } })
  const woken: string[] = []
  local.faults.onAsyncInvoke = (_functionName, input) => {
    woken.push(Note.parse(input).rule)
    return 'lose'
  }
  const detail = { status: 'Success', code: 3, name: 'landfall-prod-deploy-1', nothing: null }
  const entry = {
    Source: 'aws.ssm',
    DetailType: 'any',
    Resources: ['arn:aws:cloudwatch:eu-west-3:1:alarm:a', 'arn:b'],
    Detail: JSON.stringify(detail),
  }
  await new EventBridgeClient({ ...local.client, maxAttempts: 1 }).send(
    new PutEventsCommand({ Entries: [entry] }),
  )
  expect(woken).toEqual(Object.keys(matching))
  await local.stop()
})
