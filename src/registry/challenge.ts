import { isLoopback } from '../kernel/http.ts'
import type { ImageAddress } from './image.ts'

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

/**
 * Whether a registry's token service may be asked, with or without a login. `named` is the one that landfall.yml
 * names. Siblings in a domain are not trusted: many registries have all their customers in one.
 */
export const isTrustedRealm = (realm: URL, registry: URL, named: URL | null): boolean => {
  if (realm.username !== '' || realm.password !== '') return false
  if (realm.protocol !== 'https:' && !isLoopback(realm.hostname)) return false
  // Lambda's Runtime API answers on loopback.
  if (isLoopback(realm.hostname) && !isLoopback(registry.hostname)) return false
  if (named?.origin === realm.origin && named.pathname === realm.pathname) return true
  // GitLab's own packages put the registry on another port of the host whose port 443 has the token service.
  if (realm.hostname === registry.hostname) return realm.port === registry.port || realm.port === ''
  const knownRealms: Readonly<Record<string, string>> = {
    'registry-1.docker.io': 'auth.docker.io',
    'registry.gitlab.com': 'gitlab.com',
  }
  return knownRealms[registry.host] === realm.host
}

/** Why a token service is not asked, for people. */
export const explainRealm = (
  realm: URL,
  { host, origin }: Pick<ImageAddress, 'host' | 'origin'>,
): string => {
  // The registry's word: without a query or a login, and no longer than an address is.
  const shown = `${realm.origin}${realm.pathname}`.slice(0, 200)
  const says = `${host} names the token service ${shown}`
  if (realm.username !== '' || realm.password !== '')
    return `${says} with a login in its address, which Landfall never uses`
  const isHere = isLoopback(realm.hostname)
  if (isHere && !isLoopback(origin.hostname))
    return `${says}, which is on this machine: only a registry on loopback may`
  return isHere || realm.protocol === 'https:'
    ? `${says}, which is not its own: if it is right, set registry: { realm: "${shown}" } in landfall.yml`
    : `${says}, which does not use HTTPS`
}
