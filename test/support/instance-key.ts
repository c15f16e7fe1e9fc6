import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A key pair as an instance makes it, and what that instance can open with it. */
export interface InstanceKey {
  readonly certificate: Uint8Array
  /** The plaintext; null where openssl refuses the envelope. */
  open(envelope: Uint8Array): string | null
}

export interface KeyRing {
  make(instance: string, curve?: string): InstanceKey
  remove(): void
}

export const createKeyRing = (): KeyRing => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-keys-'))
  const openssl = (args: readonly string[]): Buffer =>
    execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] })
  return {
    make: (instance, curve = 'P-256') => {
      const [key, pem] = [`${instance}.key`, `${instance}.pem`]
      const kind = ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-nodes']
      const subject = ['-subj', `/CN=${instance}`, '-days', '3650']
      openssl(['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', pem])
      return {
        certificate: new Uint8Array(openssl(['x509', '-in', pem, '-outform', 'DER'])),
        open: (envelope) => {
          writeFileSync(join(directory, 'envelope'), envelope)
          const holder = ['-recip', pem, '-inkey', key]
          const files = ['-in', 'envelope', '-out', 'plaintext']
          try {
            openssl(['cms', '-decrypt', '-binary', '-inform', 'DER', ...holder, ...files])
            return readFileSync(join(directory, 'plaintext'), 'utf8')
          } catch {
            return null
          }
        },
      }
    },
    remove: () => rmSync(directory, { recursive: true }),
  }
}
