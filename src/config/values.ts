import * as z from 'zod'

/** A value of `landfall.yml`. Its error continues "must be"; `source-text.ts` adds the written value. */
export const textLike = (expectation: string, pattern: RegExp) =>
  z.string({ error: expectation }).regex(pattern, { error: expectation })

export const wholeNumber = (from: number, to: number) => {
  const error = `a whole number from ${from} to ${to}`
  return z.int({ error }).min(from, { error }).max(to, { error })
}

/** A whole number, or a text of the form. */
export const numberOrText = (error: string, from: number, to: number, pattern: RegExp) =>
  z.union([z.int({ error }).min(from, error).max(to, error), textLike(error, pattern)], { error })

const unitSeconds = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
])

const toDuration = (seconds: number): string => {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600}h`
  return seconds >= 60 && seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`
}

/** `30s`, `1.5m`, `2h`; in seconds. */
export const duration = (from: number, to: number) => {
  const error = `a duration from ${toDuration(from)} to ${toDuration(to)}, such as 30s, 5m or 2h`
  return textLike(error, /^(\d{1,6}(?:\.\d{1,3})?)([smh])$/)
    .transform((text) => {
      const milliseconds = Number(text.slice(0, -1)) * (unitSeconds.get(text.slice(-1)) ?? 1) * 1000
      // Rounded, because in floating point `0.019m` is not exactly 1.14 s.
      return Math.round(milliseconds) / 1000
    })
    .refine((seconds) => seconds >= from && seconds <= to, { error })
}

const memoryError = 'an amount of memory of at least 6m, such as 512m or 2g'
const unitBytes = new Map([
  ['b', 1],
  ['k', 1024],
  ['m', 1024 ** 2],
  ['g', 1024 ** 3],
])
/** `512m`, `2g`, in Docker's notation; Docker starts no container with less than 6 MiB. */
export const Memory = textLike(memoryError, /^([1-9]\d{0,5})([bkmg])$/).refine(
  (text) => Number(text.slice(0, -1)) * (unitBytes.get(text.slice(-1)) ?? 1) >= 6 * 1024 ** 2,
  { error: memoryError },
)

const statusError = 'an HTTP status or a range of them, such as 200 or 200-299'

/** `200` or `200-299`, both ends included. */
export const StatusRange = numberOrText(statusError, 100, 599, /^([1-5]\d\d)-([1-5]\d\d)$/)
  .transform((written) => {
    const [from, to = from] = `${written}`.split('-')
    return { from: Number(from), to: Number(to) }
  })
  .refine(({ from, to }) => from <= to, { error: statusError })

export const BatchInput = numberOrText(
  'a number of instances from 1 to 50 or a share of them, such as "25%"',
  1,
  50,
  /^([1-9]\d?|100)%$/,
).transform((written) =>
  typeof written === 'number'
    ? { kind: 'count' as const, value: written }
    : { kind: 'percent' as const, value: Number.parseInt(written, 10) },
)

/** The name of a secret, never its value. */
export const SecretName = textLike(
  'the name of a secret in Secrets Manager, such as landfall/prod/github',
  /^[A-Za-z0-9/_+=.@-]{1,512}$/,
)

/** IAM grants the use of a key by its own ARN; an alias says nothing to it. */
export const KeyArn = textLike(
  'the ARN of a KMS key, such as arn:aws:kms:eu-west-3:123456789012:key/0a1b2c3d-…; not an alias',
  /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]{1,64}$/,
)

export const Capability = textLike(
  'a capability of Linux as Docker names it, such as NET_RAW',
  /^(?!CAP_)[A-Z][A-Z_]{2,30}$/,
)

/** Only a registry on this machine has its token service here too; `check-app.ts` compares the two. */
export const RealmAddress = textLike(
  'the https address of a token service as its registry names it, such as https://auth.example.com/token',
  /^(?:https:\/\/|http:\/\/(?:localhost|127\.0\.0\.1)(?=[:/]|$))[A-Za-z0-9.[\]:-]{0,255}(?:\/[^\s?#@]{0,255})?$/,
).refine((address) => URL.canParse(address), { error: 'the address of a token service' })

/** A tag, or a template in which `{commit}` stands for the full commit. */
export const TagTemplate = textLike(
  'a tag or a template of one, such as "{commit}", "main-{commit}" or latest; {commit} is the only placeholder',
  /^(?=[^-.])(?:[A-Za-z0-9_.-]|\{commit\}){1,128}$/,
)
