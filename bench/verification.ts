import { createHmac, timingSafeEqual } from 'node:crypto'
import * as circleci from '../src/sources/circleci.ts'
import * as github from '../src/sources/github.ts'
import type { Figure } from './report.ts'
import { median } from './statistics.ts'

const secret = 'a secret of the size that one chooses'
const mostTimes = 2
const batches = 31
const batchMilliseconds = 8

const senders = {
  GitHub: { before: 'sha256=', isSignedBy: github.isSignedByGithub },
  CircleCI: { before: 'v1=', isSignedBy: circleci.isSignedByCircleci },
} as const

/**
 * A small event, a usual workflow_run and the most that is let in. GitHub's bodies are ASCII but for
 * what people wrote into them; an emoji in a commit's message doubles the width of the decoded text.
 */
const bodies = [
  { name: '1 KiB', text: 'ref: refs/heads/main ', bytes: 1024, sender: 'GitHub' },
  { name: '16 KiB', text: 'ref: refs/heads/main ', bytes: 16 * 1024, sender: 'GitHub' },
  { name: '1 MiB', text: 'ref: refs/heads/main ', bytes: 1024 * 1024, sender: 'GitHub' },
  {
    name: '16 KiB with emoji',
    text: 'ship it 🚀 refs/heads/main ',
    bytes: 16 * 1024,
    sender: 'GitHub',
  },
  {
    name: '16 KiB of CircleCI',
    text: 'ref: refs/heads/main ',
    bytes: 16 * 1024,
    sender: 'CircleCI',
  },
] as const

const toBody = (text: string, bytes: number): Buffer =>
  Buffer.from(JSON.stringify({ text: text.repeat(bytes / Buffer.byteLength(text)) }))

/** The least that any receiver has to do: the same hash over the same bytes, compared. */
const verifyBare = (body: Buffer, signature: string): boolean => {
  const expected = createHmac('sha256', secret).update(body).digest()
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'))
}

type Verify = () => Promise<boolean> | boolean

const timeBatch = async (verify: Verify, times: number): Promise<number> => {
  const begun = performance.now()
  for (let count = 0; count < times; count += 1)
    if (!(await verify())) throw new Error('a right signature was refused')
  return ((performance.now() - begun) / times) * 1000
}

/** How often it fits into one batch, found after it has become warm. */
const countFor = async (verify: Verify): Promise<number> => {
  await timeBatch(verify, 20)
  return Math.max(3, Math.round((batchMilliseconds * 1000) / (await timeBatch(verify, 20))))
}

/** The product's verification against the bare HMAC, batch by batch in turn. */
export const measureVerification = async (): Promise<readonly Figure[]> => {
  const figures: Figure[] = []
  for (const { name, text, bytes, sender } of bodies) {
    const body = toBody(text, bytes)
    const signature = createHmac('sha256', secret).update(body).digest('hex')
    const { before, isSignedBy } = senders[sender]
    const bare: Verify = () => verifyBare(body, signature)
    const ours: Verify = () => isSignedBy([secret], body, before + signature)
    const [bareTimes, ourTimes] = [await countFor(bare), await countFor(ours)]
    const [bareMicroseconds, ourMicroseconds]: [number[], number[]] = [[], []]
    for (let batch = 0; batch < batches; batch += 1) {
      bareMicroseconds.push(await timeBatch(bare, bareTimes))
      ourMicroseconds.push(await timeBatch(ours, ourTimes))
    }
    const times = median(ourMicroseconds) / median(bareMicroseconds)
    figures.push({
      what: `verification of ${name}`,
      measured: `${median(ourMicroseconds).toFixed(1)} µs, bare HMAC ${median(bareMicroseconds).toFixed(1)} µs: ${times.toFixed(2)} ×`,
      bar: `< ${mostTimes} ×`,
      isKept: times < mostTimes,
    })
  }
  return figures
}
