import { isLoopback } from '../kernel/http.ts'

/** What a registry asks for before it answers (RFC 7235, and the token flow of the distribution spec). */
export type Challenge =
  | { readonly kind: 'basic' }
  | {
      readonly kind: 'bearer'
      readonly realm: URL
      readonly service: string | null
      readonly scope: string | null
    }

const parameter = (text: string, name: string): string | null =>
  new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(text)?.[1] ?? null

/** Reads `WWW-Authenticate`; null where it asks for nothing that we can give. */
export const parseChallenge = (header: string): Challenge | null => {
  const bearer = /\bBearer\s+(.*)$/i.exec(header)?.[1]
  const realm = parameter(bearer ?? '', 'realm')
  if (bearer !== undefined && realm !== null && URL.canParse(realm))
    return {
      kind: 'bearer',
      realm: new URL(realm),
      service: parameter(bearer, 'service'),
      scope: parameter(bearer, 'scope'),
    }
  return /^\s*Basic\b/i.test(header) ? { kind: 'basic' } : null
}

/** Token services that are no neighbours of their registry. */
const knownRealms: Readonly<Record<string, string>> = {
  'registry-1.docker.io': 'auth.docker.io',
  'registry.gitlab.com': 'gitlab.com',
}

/** `registry.example.com` → `example.com`; null for addresses and names without a domain of their own. */
const domainOf = (hostname: string): string | null => {
  if (/^[\d.]+$/.test(hostname) || hostname.startsWith('[')) return null
  const [, ...rest] = hostname.split('.')
  return rest.length >= 2 ? rest.join('.') : null
}

/**
 * Whether a registry's credentials may go to the token service that it names: the registry itself,
 * a known one, or a neighbour in the registry's own domain; never readable on the wire.
 */
export const isTrustedRealm = (realm: URL, registry: URL): boolean => {
  if (realm.protocol !== 'https:' && !isLoopback(realm.hostname)) return false
  if (realm.hostname === registry.hostname) return true
  if (knownRealms[registry.hostname] === realm.hostname) return true
  const domain = domainOf(registry.hostname)
  return domain !== null && (realm.hostname === domain || realm.hostname.endsWith(`.${domain}`))
}
