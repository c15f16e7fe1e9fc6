import * as z from 'zod'

/**
 * The small values of `landfall.yml`. Each says in its error what it must be, in the words that
 * stand after "must be"; `mistake.ts` adds what was written instead.
 */
export const textLike = (expectation: string, pattern: RegExp) =>
  z.string({ error: expectation }).regex(pattern, { error: expectation })

export const wholeNumber = (from: number, to: number) => {
  const error = `a whole number from ${from} to ${to}`
  return z.int({ error }).min(from, { error }).max(to, { error })
}

const unitSeconds = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
])

const durationPattern = /^(\d{1,6}(?:\.\d{1,3})?)([smh])$/

/** To the millisecond: `0.019m` is 1.14 s, not what floating point makes of it. */
const toSeconds = (text: string): number => {
  const [, amount, unit = 's'] = durationPattern.exec(text) ?? []
  return Math.round(Number(amount) * (unitSeconds.get(unit) ?? 1) * 1000) / 1000
}

const toDuration = (seconds: number): string => {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600}h`
  return seconds >= 60 && seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`
}

/** `30s`, `1.5m`, `2h`; in seconds. */
export const duration = (from: number, to: number) => {
  const error = `a duration from ${toDuration(from)} to ${toDuration(to)}, such as 30s, 5m or 2h`
  return textLike(error, durationPattern)
    .transform(toSeconds)
    .refine((seconds) => seconds >= from && seconds <= to, { error })
}

const memoryError = 'an amount of memory of at least 6m, such as 512m or 2g'
const memoryPattern = /^([1-9]\d{0,5})([bkmg])$/
const unitBytes = new Map([
  ['b', 1],
  ['k', 1024],
  ['m', 1024 ** 2],
  ['g', 1024 ** 3],
])
/** Docker starts no container with less. */
const leastMemoryBytes = 6 * 1024 ** 2

/** `512m`, `2g`: as Docker writes them. */
export const Memory = textLike(memoryError, memoryPattern).refine(
  (text) => {
    const [, amount, unit = 'b'] = memoryPattern.exec(text) ?? []
    return Number(amount) * (unitBytes.get(unit) ?? 1) >= leastMemoryBytes
  },
  { error: memoryError },
)

const statusError = 'an HTTP status or a range of them, such as 200 or 200-399'
const status = z.int({ error: statusError }).min(100, statusError).max(599, statusError)
const statusRangePattern = /^([1-5]\d\d)-([1-5]\d\d)$/

/** `200` or `200-399`, both ends included. */
export const StatusRange = z
  .union([status, textLike(statusError, statusRangePattern)], { error: statusError })
  .transform((written) => {
    const [, from, to] = statusRangePattern.exec(`${written}`) ?? []
    return { from: Number(from ?? written), to: Number(to ?? written) }
  })
  .refine(({ from, to }) => from <= to, { error: statusError })

export const portNumber = wholeNumber(1, 65535)

const publishError = 'a port from 1 to 65535 or an address and a port, such as "127.0.0.1:8080"'
const publishPattern = /^((?:\d{1,3}\.){3}\d{1,3}):(\d{1,5})$/
const isPort = (port: number): boolean => port >= 1 && port <= 65535
// Docker takes no part that begins with 0.
const isIpv4 = (address: string): boolean =>
  address.split('.').every((part) => Number(part) <= 255 && String(Number(part)) === part)

/** `80` for all addresses of the instance, or `"127.0.0.1:8080"`. */
export const Publish = z
  .union(
    [
      z.int({ error: publishError }).min(1, publishError).max(65535, publishError),
      textLike(publishError, publishPattern),
    ],
    { error: publishError },
  )
  .transform((written) => {
    const [, address, port] = publishPattern.exec(`${written}`) ?? []
    return { address: address ?? null, port: Number(port ?? written) }
  })
  .refine(({ address, port }) => isPort(port) && (address === null || isIpv4(address)), {
    error: publishError,
  })

const batchError = 'a number of instances from 1 to 50 or a share of them, such as "25%"'
const batchPattern = /^([1-9]\d?|100)%$/

export const BatchInput = z
  .union(
    [
      z.int({ error: batchError }).min(1, batchError).max(50, batchError),
      textLike(batchError, batchPattern),
    ],
    { error: batchError },
  )
  .transform((written) =>
    typeof written === 'number'
      ? { kind: 'count' as const, value: written }
      : { kind: 'percent' as const, value: Number.parseInt(written, 10) },
  )

export const HostName = textLike(
  'a host name without scheme, port or path, such as lettings.example.com',
  /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
)

/** Names of secrets, never their values. */
export const SecretName = textLike(
  'the name of a secret in Secrets Manager, such as landfall/prod/github',
  /^[A-Za-z0-9/_+=.@-]{1,512}$/,
)

/** `[registry[:port]/]path`, without tag and digest. */
export const ImageName = textLike(
  'an image without its tag, such as acme/oc-lettings or registry.example:5000/name (the tag goes to "tag")',
  /^(?=.{1,255}$)(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/,
)

/** A tag, or a template in which `{commit}` stands for the full commit. */
export const TagTemplate = textLike(
  'a tag or a template of one, such as "{commit}", "main-{commit}" or latest; {commit} is the only placeholder',
  /^(?=[^-.])(?:[A-Za-z0-9_.-]|\{commit\}){1,128}$/,
)
