import * as z from 'zod'
import { nameLike } from './names.ts'
import { numberOrText, textLike } from './values.ts'

const publishError = 'a port from 1 to 65535 or an address and a port, such as "127.0.0.1:8080"'

// Docker accepts no part with a leading 0.
const isIpv4 = (address: string): boolean =>
  address.split('.').every((part) => Number(part) <= 255 && String(Number(part)) === part)

/** `80` for all addresses of the instance, or `"127.0.0.1:8080"`. */
export const Publish = numberOrText(publishError, 1, 65535, /^((?:\d{1,3}\.){3}\d{1,3}):(\d{1,5})$/)
  .transform((written) => {
    if (typeof written === 'number') return { address: null, port: written }
    const [address = '', port] = written.split(':')
    return { address, port: Number(port) }
  })
  .refine(
    ({ address, port }) => port >= 1 && port <= 65535 && (address === null || isIpv4(address)),
    { error: publishError },
  )

/** What is left of an address of a page, in the letters that DNS and a browser's Host header have. */
const toHostName = (written: string): string => {
  const address = /^[a-z]+:\/\//i.test(written) ? written : `http://${written}`
  return URL.canParse(address) ? new URL(address).hostname.replace(/\.$/, '') : ''
}

/** In small letters: DNS and HTTP compare it without regard to them. */
export const HostName = nameLike(
  'a host name without scheme, port, path or *, such as lettings.example.com (name each, or leave hosts out to receive all)',
  /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
  toHostName,
).toLowerCase()

const rangeError =
  'a range of IPv4 addresses with a prefix of 8 to 32, such as 192.0.2.0/24 (Docker shows the proxy no IPv6 address)'

const isRange = (range: string): boolean => {
  const [address = '', prefix = ''] = range.split('/')
  const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  return isIpv4(address) && bits % 2 ** (32 - Number(prefix)) === 0
}

/** As many as a line of HAProxy's configuration holds. */
export const Trusted = z
  .array(
    textLike(rangeError, /^(?:\d{1,3}\.){3}\d{1,3}\/(?:[89]|[12]\d|3[0-2])$/).refine(isRange, {
      error: `${rangeError}, whose address is the first of the range`,
    }),
    { error: 'a list of ranges of addresses, such as [192.0.2.0/24]' },
  )
  .min(1, { error: 'a list of at least one range; leave it out for the default' })
  .max(50, { error: 'a list of at most 50 ranges' })
