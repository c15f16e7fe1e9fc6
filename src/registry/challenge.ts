import { isLoopback } from '../kernel/http.ts'

/** The login that a registry asks for (RFC 7235, and the token flow of the distribution spec). */
export type Challenge =
  | { readonly kind: 'basic' }
  | {
      readonly kind: 'bearer'
      readonly realm: URL
      readonly service: string | null
      readonly scope: string | null
    }

/** Reads `WWW-Authenticate`; null if it asks for something else. */
export const parseChallenge = (header: string): Challenge | null => {
  const bearer = /\bBearer\s+(.*)$/i.exec(header)?.[1] ?? ''
  const read = (name: string): string | null =>
    new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(bearer)?.[1] ?? null
  const realm = read('realm')
  if (realm !== null && URL.canParse(realm))
    return {
      kind: 'bearer',
      realm: new URL(realm),
      service: read('service'),
      scope: read('scope'),
    }
  return /^\s*Basic\b/i.test(header) ? { kind: 'basic' } : null
}

/** `registry.example.com` → `example.com`; null for an address and for a name without a domain of its own. */
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
  const knownRealms: Readonly<Record<string, string>> = {
    'registry-1.docker.io': 'auth.docker.io',
    'registry.gitlab.com': 'gitlab.com',
  }
  if (knownRealms[registry.hostname] === realm.hostname) return true
  const domain = domainOf(registry.hostname)
  return domain !== null && (realm.hostname === domain || realm.hostname.endsWith(`.${domain}`))
}
