import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { receive } from '../../src/delivery/receive.ts'
import type { Receipt } from '../../src/delivery/record.ts'
import { toRequest } from '../../src/delivery/request.ts'
import { Commit } from '../../src/kernel/id.ts'
import { succeed } from '../../src/kernel/result.ts'
import { appOf, configurationOf } from '../support/apps.ts'
import { oauthBody } from '../support/circleci-events.ts'
import { pushBody, runBody } from '../support/github-events.ts'
import { createReceiving, githubSecret, secretsOf } from '../support/receiving.ts'
import {
  formEncoded,
  plant,
  signedExamples,
  toForm,
  toJson,
  type SignedBody,
} from '../support/signed-bodies.ts'
import { inFull } from '../support/size.ts'

// Only the body is signed, and anyone can write the headers. A verified body is therefore sent under
// every header that could give it another meaning.

type Headers = Readonly<Record<string, string>>

const json = 'application/json'
const contentTypes = [
  json,
  formEncoded,
  'Application/JSON; charset=utf-8',
  `${formEncoded.toUpperCase()}; charset=utf-8`,
  `${json};,${formEncoded}`,
  `${formEncoded};,${json}`,
]
/** Answered 415: a list of types is not a type. */
const otherTypes = [`${json},${formEncoded}`, `${formEncoded},${json}`, 'multipart/form-data', '']
const eventNames = [
  'push',
  'workflow_run',
  'ping',
  'issues',
  'workflow-completed',
  '',
  'Push',
  'push,workflow_run',
  'workflow_run,push',
]
const deliveryIds = ['', '1', '1,2', '__proto__', 'x'.repeat(200)]

/** Spellings of a header's name; API Gateway joins a repeated header by `,`. */
const spellings: readonly ((name: string, value: string) => Headers)[] = [
  (name, value) => ({ [name]: value }),
  (name, value) => ({ [name.toUpperCase()]: value }),
  (name, value) => ({ [name]: value, [name.toUpperCase()]: value }),
  (name, value) => ({ [name]: `${value},${value}` }),
  // A name with `_` is another header.
  (name, value) => ({ [name]: value, [name.replaceAll('-', '_')]: 'workflow_run' }),
  (name, value) => ({ [name.replaceAll('-', '_')]: value }),
]

const at = <T>(list: readonly T[], index: number, fallback: T): T =>
  list[index % list.length] ?? fallback

const configuration = configurationOf(
  appOf('oc-lettings', {
    requires: [
      { kind: 'ci', ci: 'github', workflow: 'CI' },
      { kind: 'ci', ci: 'circleci', workflow: 'ci' },
      { kind: 'image' },
    ],
  }),
  appOf('hello', { repository: 'Codertocat/Hello-World', branch: 'master' }),
)

let tried = 0
let bodies = 0

/** Sends a body as API Gateway does; null where it is refused and nothing was written. */
const read = async (
  { path, bytes, signature }: SignedBody,
  headers: Headers,
  services: Parameters<typeof createReceiving>[0] = {},
): Promise<Receipt | null> => {
  tried += 1
  const isBase64Encoded = tried % 2 === 0
  const receiving = createReceiving(services, configuration)
  const request = toRequest({
    rawPath: path,
    requestContext: { http: { method: 'POST' } },
    headers: { ...headers, ...signature },
    body: bytes.toString(isBase64Encoded ? 'base64' : 'utf8'),
    isBase64Encoded,
  })
  const { statusCode } = await receive(request, receiving.services)
  const [receipt] = receiving.receipts
  if (receipt !== undefined) return receipt
  expect([400, 401, 415]).toContain(statusCode)
  expect(receiving.calls).toEqual([])
  return null
}

/** The headers that the vendor sends, with some of them changed. */
const headersOf = (
  { contentType, event }: SignedBody,
  { type = contentType, name = event, id = '1' } = {},
  spell = at(spellings, 0, () => ({})),
): Headers => ({
  ...spell('content-type', type),
  ...spell('x-github-event', name),
  ...spell('circleci-event-type', name),
  ...spell('x-github-delivery', id),
})

/** What was read from the body. The name of an unused event is only logged, so it does not count. */
const meaningOf = ({ reason, parsed, matches }: Receipt): string =>
  JSON.stringify({ reason, parsed: parsed.kind === 'other' ? 'other' : parsed, matches })

const meaningsOf = async (
  body: SignedBody,
  variations: readonly Headers[],
): Promise<ReadonlySet<string>> => {
  bodies += 1
  const meanings = new Set<string>()
  for (const headers of variations) {
    const receipt = await read(body, headers)
    if (receipt !== null) meanings.add(meaningOf(receipt))
  }
  return meanings
}

/** Each content type under each name, with changing spellings and ids. */
const everyVariationOf = (body: SignedBody): readonly Headers[] => [
  ...contentTypes.flatMap((type, row) =>
    [body.event, ...eventNames].map((name, column) => {
      const index = row * 7 + column
      const id = at(deliveryIds, index, '')
      return headersOf(
        body,
        { type, name, id },
        at(spellings, index, () => ({})),
      )
    }),
  ),
  ...otherTypes.map((type) => headersOf(body, { type })),
]

/** In the usual size each body gets every third variation, beginning at another one than the body before, and its own. */
const variationsOf = (body: SignedBody): readonly Headers[] => {
  const every = inFull(1, 3)
  const shared = everyVariationOf(body).filter((_, index) => (index + bodies) % every === 0)
  return [headersOf(body), ...shared]
}

const forgedCommit = Commit.parse('e'.repeat(40))
const forged = [
  runBody({ head_sha: forgedCommit }),
  pushBody({ after: forgedCommit }),
  oauthBody({ vcs: { revision: forgedCommit } }),
].map((body) => encodeURIComponent(JSON.stringify(body)))

/** Text that an attacker puts into a signed text, so that a form begins in the middle of it. */
const trickOf = (index: number): string => {
  const payload = at(forged, index, '')
  const tricks = [
    `x&payload=${payload}&y=`,
    `payload=${payload}`,
    `&payload=${payload}`,
    `;payload=${payload};`,
    `\r\n\r\npayload=${payload}`,
    `%26payload=${payload}%26`,
    `","payload":"${payload}`,
  ]
  return at(tricks, Math.floor(index / forged.length), '')
}

afterAll(() => {
  process.stdout.write(`receiving: ${tried} readings of ${bodies} verified bodies\n`)
})

/** For ten seconds of computing on a busy machine. */
const patience = 600_000

describe('a verified body', () => {
  it(
    'reads a verified body alike under all unsigned headers, or refuses it',
    async () => {
      const ambiguous: unknown[] = []
      for (const example of signedExamples)
        for (const body of [toJson(example), toForm(example)]) {
          const meanings = await meaningsOf(body, variationsOf(body))
          const isTaken = body.contentType === json || body.path === '/hooks/github'
          if (meanings.size !== (isTaken ? 1 : 0))
            ambiguous.push([body.path, body.event, body.contentType, ...meanings])
        }
      expect(ambiguous).toEqual([])
    },
    patience,
  )

  it(
    'reads no other event from a text in a verified body',
    async () => {
      const ambiguous: unknown[] = []
      const names = ['push', 'workflow_run']
      // Prime to the number of tricks, so that each of them is in what the usual size reads.
      const every = inFull(1, 23)
      for (const example of [...plant(trickOf)].filter((_, index) => index % every === 0))
        for (const body of [toJson(example), toForm(example)]) {
          // A form needs no other content type, so one other name is enough.
          const others = body.contentType === json ? names : [at(names, Math.floor(bodies / 2), '')]
          const forms = others.map((name) => headersOf(body, { type: formEncoded, name }))
          const meanings = await meaningsOf(body, [headersOf(body), ...forms])
          const isForged = [...meanings].some((meaning) => meaning.includes(`"${forgedCommit}"`))
          if (meanings.size > 1 || isForged) ambiguous.push([body.path, body.event, ...meanings])
        }
      expect(ambiguous).toEqual([])
    },
    patience,
  )

  it('reads the planted event where it is signed itself', async () => {
    for (const [event, body] of [
      ['workflow_run', runBody({ head_sha: forgedCommit })],
      ['push', pushBody({ after: forgedCommit })],
    ] as const) {
      const [example] = signedExamples
      if (example === undefined) throw new Error('no example')
      const form = toForm({ ...example, event, body })
      const receipt = await read(form, headersOf(form))
      expect(receipt).toMatchObject({ reason: 'recorded', parsed: { commit: forgedCommit } })
    }
  })

  it('reads a verified body alike under any two sets of headers', async () => {
    const text = fc.oneof(
      fc.constantFrom(...contentTypes, ...otherTypes, ...eventNames, ...deliveryIds),
      fc.string({ unit: 'binary' }),
    )
    const headers = fc.dictionary(
      fc.oneof(
        fc.constantFrom('content-type', 'Content-Type', 'x-github-event', 'X-GitHub-Event'),
        fc.constantFrom('x-github-delivery', 'circleci-event-type', 'x_github_event', '__proto__'),
        fc.string(),
      ),
      text,
      { noNullPrototype: true },
    )
    const signed = fc
      .tuple(fc.constantFrom(...signedExamples), fc.constantFrom(toJson, toForm))
      .map(([example, encode]) => encode(example))
    await fc.assert(
      fc.asyncProperty(signed, headers, headers, async (body, one, other) => {
        const own = headersOf(body)
        const meanings = await meaningsOf(body, [own, { ...own, ...one }, { ...own, ...other }])
        expect(meanings.size).toBeLessThan(2)
      }),
      { numRuns: inFull(500, 200) },
    )
  })

  it('takes no body as evidence at the path of another source, even with one secret for all', async () => {
    const same = async () => succeed(secretsOf(githubSecret))
    const secrets = { load: same, refresh: same }
    for (const example of signedExamples) {
      const body = toJson(example)
      if (body.path !== '/hooks/github') continue
      const digest = Object.values(body.signature)[0]?.split('=')[1] ?? ''
      const signature = { 'circleci-signature': `v1=${digest}` }
      const moved = { ...body, path: '/hooks/circleci', signature }
      const receipt = await read(moved, headersOf(moved), { secrets })
      expect(receipt?.matches ?? []).toEqual([])
    }
  })
})
