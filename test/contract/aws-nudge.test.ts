import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { listen, toAddress } from '../../local/base/listen.ts'
import { createNudge } from '../../src/aws/lambda-nudge.ts'
import { AppName, Commit } from '../../src/kernel/id.ts'
import { startTestAws, waitUntil, writeFunction, type TestAws } from '../support/local-aws.ts'

const name = 'landfall-local-reconcile'
const app = AppName.parse('shop')
/** Ends when the file GATE is there. */
const source = `
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
export const handler = async (event) => {
  console.log(JSON.stringify(event))
  while (!existsSync(process.env.GATE)) await sleep(5)
  console.log('the look is over')
}`

let aws: TestAws
let directory = ''
/** Aborted by the test, in the place of the clock of `AbortSignal.timeout`. */
let giveUp: AbortController
let timeouts: number[] = []
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'landfall-nudge-'))
  const environment = { GATE: join(directory, 'gate') }
  const functions = [writeFunction('reconcile', source, { environment, timeoutSeconds: 60 })]
  aws = await startTestAws({ service: { functions } })
  giveUp = new AbortController()
  timeouts = []
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
    timeouts.push(milliseconds)
    return giveUp.signal
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await aws.stop()
  rmSync(directory, { recursive: true })
})

const isLogged = (text: string): boolean => aws.logs.some((line) => line.includes(text))

test('sends a nudge with the app and the revision, and does not wait for the result', async () => {
  const commit = Commit.parse('a'.repeat(40))
  await createNudge(name, () => new LambdaClient({ ...aws.client, maxAttempts: 1 }))(app, commit)
  const payload = JSON.stringify({ app, revision: commit })
  await waitUntil(() => isLogged(payload), 'the function has the nudge')
  expect(isLogged('the look is over')).toBe(false)
  writeFileSync(join(directory, 'gate'), '')
  await waitUntil(() => isLogged('the look is over'), 'the look is over')
})

test('gives up a nudge without an answer after two seconds', async () => {
  let isAsked = false
  const silent = createServer(() => {
    isAsked = true
  })
  const endpoint = toAddress(await listen(silent, 0))
  const client = new LambdaClient({ ...aws.client, endpoint, maxAttempts: 1 })
  const nudged = expect(createNudge(name, () => client)(app, null)).rejects.toThrow('aborted')
  await waitUntil(() => isAsked, 'the call has arrived')
  giveUp.abort()
  await nudged
  expect(timeouts).toEqual([2_000])
  silent.close().closeAllConnections()
})
