import { LambdaClient } from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNudge } from '../../src/aws/lambda-nudge.ts'
import { AppName, Commit } from '../../src/kernel/id.ts'
import { startTestAws, waitUntil, writeFunction, type TestAws } from '../support/local-aws.ts'

const name = 'landfall-local-reconcile'
const source = `export const handler = async (event) => {
  console.log(JSON.stringify(event))
  await new Promise((resolve) => setTimeout(resolve, 3000))
}`

let aws: TestAws
beforeEach(async () => {
  aws = await startTestAws({ service: { functions: [writeFunction('reconcile', source)] } })
})
afterEach(() => aws.stop())

const createClient = () => new LambdaClient({ ...aws.client, maxAttempts: 1 })

test('a nudge says which app and revision to look at, and does not wait for the look', async () => {
  const [app, commit] = [AppName.parse('shop'), Commit.parse('a'.repeat(40))]
  const started = performance.now()
  await createNudge(name, createClient)(app, commit)
  expect(performance.now() - started).toBeLessThan(2000)
  const payload = JSON.stringify({ app, revision: commit })
  await waitUntil(() => aws.logs.some((line) => line.includes(payload)))
})

test('a nudge that nobody takes is given up soon', async () => {
  aws.faults.onCall = () => ({ kind: 'delay', milliseconds: 4000 })
  const started = performance.now()
  await expect(createNudge(name, createClient)(AppName.parse('shop'), null)).rejects.toThrow()
  expect(performance.now() - started).toBeLessThan(3500)
})
