import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import {
  DocumentContent,
  runScript,
  startAgent,
  type Agent,
  type AgentReply,
} from '../../local/aws/index.ts'
import { recordedReplies } from '../support/agent-replies.ts'
import { account, toDocument, waitUntil } from '../support/local-aws.ts'
import { agentFolder, startRealAgent } from '../support/real-agent.ts'

// The emulator's agent replies to SSM as a real one did. With LANDFALL_SSM_AGENT a real one is asked again.

const isReal = agentFolder !== undefined
const directory = mkdtempSync(join(tmpdir(), 'landfall-agent-'))
const instance = {
  id: 'i-00000001',
  name: 'demo',
  address: '10.77.0.11',
  tags: [],
  stateRoot: directory,
  network: null,
  dockerHost: null,
  enter: [],
}
const replies = new Map<string, AgentReply>()
let agent: Agent

beforeAll(() => {
  const start = isReal ? startRealAgent : startAgent(runScript)
  agent = start(account, instance, directory, {
    onAccept: () => undefined,
    onStart: () => undefined,
    onReply: (id, reply) => replies.set(id, reply),
  })
})
afterEach(() => {
  vi.useRealTimers()
})
afterAll(async () => {
  await agent.stop()
  rmSync(directory, { recursive: true })
})

/** The least that a document may set. */
const timeoutSeconds = 5

/** The others are faults, in local-faults.test.ts. */
const ofScripts = recordedReplies.filter(
  ({ stop }) => stop !== 'worker_lost' && stop !== 'disk_full',
)

it.each(ofScripts.map((one) => [one.what, one] as const))(
  'replies to %s as the real agent did',
  async (_what, { script, stop, reply }) => {
    const begun = join(directory, randomUUID())
    if (stop === 'timed_out' && !isReal)
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const commandId = randomUUID()
    // Whether it has begun is seen in a file: what it prints is its reply.
    const watched = stop === null ? script : script.replace(';', `; touch ${begun};`)
    agent.accept({
      commandId,
      documentName: 'landfall-local-deploy',
      content: DocumentContent.parse(JSON.parse(toDocument(watched, {}, timeoutSeconds))),
      parameters: {},
      stepName: 'deploy',
      script: watched,
      timeoutSeconds,
      workingDirectory: undefined,
      environment: {},
    })
    if (stop !== null) await waitUntil(() => existsSync(begun), 'the script has begun')
    if (stop === 'cancelled') agent.cancel(commandId)
    if (stop === 'timed_out' && !isReal) vi.advanceTimersByTime(timeoutSeconds * 1000)
    await waitUntil(() => replies.has(commandId), 'the agent has replied')
    expect(replies.get(commandId)).toEqual(reply)
  },
)
