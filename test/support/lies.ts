import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import * as fc from 'fast-check'
import type { InstanceKey, KeyRing } from './instance-key.ts'
import { digestAt } from './examples.ts'
import { toLine } from './ssm-hosts.ts'

/** Certificates as an instance may answer them, by what is wrong with each. */
export type Certificates = Readonly<Record<string, string>>

const toText = (der: Uint8Array): string => Buffer.from(der).toString('base64')

/** As `host/prepare.sh` makes one, of a key that another command has made. */
const makeOther = (makeKey: string, subject = '/O=Landfall/CN=i-00000001'): string => {
  const script = `${makeKey} | openssl req -new -x509 -key /dev/stdin -subj "$1" -days 30 -outform DER`
  return toText(
    execFileSync('sh', ['-c', script, 'sh', subject], { stdio: ['ignore', 'pipe', 'ignore'] }),
  )
}

/** The certificate under another name: its signature is not checked. Ids of tests have ten characters. */
export const rename = (certificate: Uint8Array, id: string): Uint8Array<ArrayBuffer> => {
  const text = Buffer.from(certificate).toString('latin1')
  return Uint8Array.from(Buffer.from(text.replaceAll(/i-0000000[\da-f]/g, id), 'latin1'))
}

const renameText = (certificate: string, id: string): string => {
  const der = Buffer.from(certificate, 'base64')
  return der.toString('base64') === certificate ? toText(rename(der, id)) : certificate
}

const makeKey = 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256'

export const makeCertificates = (ring: KeyRing, own: InstanceKey): Certificates => {
  const other = toText(ring.make('i-0000000f').certificate)
  const pem = `-----BEGIN CERTIFICATE-----\n${toText(own.certificate)}\n-----END CERTIFICATE-----\n`
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return {
    'its own': toText(own.certificate),
    'of another key': other,
    'of no base64': '%%%',
    'of base64 for URLs': `${other.slice(0, 100)}-_${other.slice(102)}`,
    'of base64 in lines': `${other.slice(0, 76)}\n${other.slice(76)}`,
    empty: '',
    'in PEM': pem,
    'in PEM, in base64': toText(Buffer.from(pem)),
    'cut off': toText(own.certificate.slice(0, 200)),
    'with bytes after it': toText(Buffer.concat([own.certificate, Buffer.from('more')])),
    'of 16 kB': 'A'.repeat(16_000),
    'with explicit parameters': makeOther(`${makeKey} -pkeyopt ec_param_enc:explicit`),
    'with a compressed point': makeOther(`${makeKey} | openssl ec -conv_form compressed`),
    'on P-384': toText(ring.make('i-000000e0', 'P-384').certificate),
    'of RSA': makeOther('openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048'),
    'with a long issuer': makeOther(makeKey, `/O=${'x'.repeat(60)}/OU=${'y'.repeat(60)}/CN=z`),
    'with a huge issuer': makeOther(makeKey, `/O=x${`/OU=${'y'.repeat(36)}`.repeat(60)}`),
    'a bare public key': toText(publicKey.export({ type: 'spki', format: 'der' })),
  }
}

/** What an instance answers in place of what its script would. */
export interface Lie {
  readonly kind: string
  readonly tell: (honest: object, id: string) => string
}

const numbers = fc.oneof(
  fc.constantFrom(
    0,
    -1,
    0.5,
    1e300,
    -1e300,
    2 ** 31,
    2 ** 53,
    2 ** 53 - 1,
    5e-324,
    1e21,
    9_999_999,
    10_000_000,
    99_999_999,
    999_999_999,
    9_999_999_999,
    999_999_999_999,
  ),
  fc.nat(),
  fc.maxSafeInteger(),
  fc.double(),
)

const texts = fc.oneof(
  fc.constantFrom(
    '',
    '\u0000',
    '\u001b[2J\u001b]0;title\u0007',
    '\u202eevil\u2066',
    '\ud800',
    '__proto__',
    'constructor',
    'toString',
    'x'.repeat(300),
    'y'.repeat(20_000),
    '\ud83d\ude00'.repeat(5000),
    'superseded_fence',
    'deployed',
    'key_changed',
    'landfall/1 {}',
    '<!channel>',
    '$(reboot)',
  ),
  fc.string({ maxLength: 200 }),
)

const nest = (depth: number): unknown => {
  let nested: unknown = 'end'
  for (let level = 0; level < depth; level += 1) nested = [nested]
  return nested
}

const values = fc.oneof(
  numbers,
  texts,
  fc.constantFrom<unknown>(null, true, false, [], {}, nest(2000)),
  fc.array(fc.oneof(texts, numbers), { maxLength: 5 }),
  fc.constant(Array.from({ length: 5000 }, () => '')),
  fc.jsonValue({ maxDepth: 3 }),
)

const fields = fc.constantFrom(
  'outcome',
  'reason',
  'message',
  'generation',
  'fence',
  'fenceSeen',
  'serving',
  'changed',
  'predeploy',
  'steps',
  'tail',
  'certificate',
  'instance',
  'docker',
  'missing',
  'freeBytes',
)

const servings = fc.oneof(
  values,
  fc.record({
    generation: numbers,
    digest: fc.constantFrom<string>(digestAt(1), digestAt(9), 'x'),
  }),
)

const steps = fc.array(
  fc.record(
    {
      name: texts,
      status: fc.constantFrom('succeeded', 'failed', 'skipped', 'no such status'),
      ms: numbers,
      reason: texts,
    },
    { requiredKeys: ['name', 'status'] },
  ),
  { maxLength: 80 },
)

/** One of the host's own endings, with words and numbers of another. */
const endings = fc.record(
  {
    outcome: fc.constantFrom('succeeded', 'failed', 'refused'),
    reason: fc.constantFrom(
      'superseded_fence',
      'key_changed',
      'deployed',
      'too_late',
      'exited',
      'busy',
    ),
    message: texts,
    fenceSeen: numbers,
    serving: fc.oneof(fc.constant(null), servings),
    steps,
    tail: fc.array(texts, { maxLength: 60 }),
  },
  { requiredKeys: ['outcome', 'reason'] },
)

const over = (kind: string, honest: object, changes: object): string =>
  kind === 'long'
    ? toLine({ filler: '+'.repeat(3000), ...honest, ...changes })
    : toLine({ ...honest, ...changes })

const say = <Value>(
  kind: string,
  drawn: fc.Arbitrary<Value>,
  tell: (honest: object, value: Value) => string,
): fc.Arbitrary<Lie> => drawn.map((value) => ({ kind, tell: (honest) => tell(honest, value) }))

/** In the listing, or in the whole output alone: the listing is cut before the line's end. */
const places = fc.constantFrom('short', 'long')

export const liesOf = (certificates: Certificates): fc.Arbitrary<Lie> =>
  fc.oneof(
    { weight: 4, arbitrary: certificateLies(certificates) },
    say('any ending', fc.tuple(places, endings), (honest, [place, ending]) =>
      over(place, honest, ending),
    ),
    say('a fence or a number', fc.tuple(numbers, numbers), (honest, [fenceSeen, generation]) =>
      toLine({
        ...honest,
        outcome: 'refused',
        reason: 'superseded_fence',
        fenceSeen,
        serving: { generation, digest: digestAt(9) },
      }),
    ),
    say('any value of a field', fc.tuple(places, fields, values), (honest, [place, field, value]) =>
      over(place, honest, { [field]: value }),
    ),
    say('any steps', steps, (honest, value) => toLine({ ...honest, steps: value })),
    say('any serving', servings, (honest, serving) => toLine({ ...honest, serving })),
    say('a prototype', values, (honest, value) =>
      toLine(honest).replace(
        '{',
        `{"__proto__":${JSON.stringify(value)},"constructor":{"prototype":1},`,
      ),
    ),
    say('any JSON', values, (_honest, value) => toLine(value)),
    say(
      'numbers beyond JSON',
      fc.constantFrom('1e999', '-1e999', 'NaN', '1e-999'),
      (honest, number) => toLine(honest).replace('{', `{"fenceSeen":${number},`),
    ),
    say('deep JSON', fc.nat(20_000), (_honest, depth) => `landfall/1 ${'['.repeat(depth)}`),
    say('half a line', fc.nat(200), (honest, length) => toLine(honest).slice(0, length)),
    say('no line', texts, (_honest, text) => text),
    say('two lines', endings, (honest, ending) => toLine(ending) + toLine(honest)),
  )

export const certificateLies = (certificates: Certificates): fc.Arbitrary<Lie> =>
  fc
    .tuple(places, fc.constantFrom(...Object.entries(certificates)))
    .map(([place, [name, certificate]]) => ({
      kind: `a certificate ${name}`,
      tell: (honest, id) => over(place, honest, { certificate: renameText(certificate, id) }),
    }))

const planFields = fc.constantFrom(
  'docker',
  'machine',
  'missing',
  'freeBytes',
  'memoryBytes',
  'owner',
  'pulled',
  'holder',
  'replacesRuns',
  'losses',
  'obstacles',
  'serving',
  'outcome',
  'reason',
  'message',
)

/** What an instance answers to `plan`. */
export const planLies: fc.Arbitrary<Lie> = fc.oneof(
  say('any value of a field of plan', fc.tuple(planFields, values), (honest, [field, value]) =>
    toLine({ ...honest, [field]: value }),
  ),
  say(
    'any words in plan',
    fc.record({
      docker: texts,
      machine: texts,
      owner: texts,
      holder: texts,
      missing: fc.array(texts, { maxLength: 30 }),
      obstacles: fc.array(fc.record({ reason: texts, message: texts }), { maxLength: 30 }),
    }),
    (honest, words) => toLine({ ...honest, ...words }),
  ),
  say('any ending in plan', endings, (honest, ending) => toLine({ ...honest, ...ending })),
  say('any JSON in plan', values, (_honest, value) => toLine(value)),
)
