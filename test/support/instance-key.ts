import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A key pair as an instance makes it, and what that instance can open with it. */
export interface InstanceKey {
  readonly certificate: Uint8Array
  /** PKCS #8 in DER. */
  readonly privateKey: Uint8Array
  /** The plaintext; null where openssl refuses the envelope. */
  open(envelope: Uint8Array): string | null
}

export interface KeyRing {
  make(instance: string, curve?: string): InstanceKey
  makeAll(instances: readonly string[], curve?: string): InstanceKey[]
  /** What each of these instances reads in the envelope, as `open` tells it. */
  openAll(envelope: Uint8Array, instances: readonly string[]): readonly (string | null)[]
  remove(): void
}

const makeEach = `for name; do
openssl req -x509 -newkey ec -pkeyopt "ec_paramgen_curve:$curve" -nodes \\
  -subj "/O=Landfall/CN=$name" -days 7300 -keyout "$name.key" -out "$name.pem"
done`

const openEach = `for name; do
openssl cms -decrypt -binary -inform DER -recip "$name.pem" -inkey "$name.key" \\
  -in envelope -out "$name.text" || rm -f "$name.text"
done`

export const createKeyRing = (): KeyRing => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-keys-'))
  // One shell runs openssl for all: to start a process from this large one takes longer than openssl.
  const forEach = (script: string, instances: readonly string[], curve = ''): void => {
    execFileSync('sh', ['-c', script, 'sh', ...instances], {
      cwd: directory,
      env: { ...process.env, curve },
      stdio: 'ignore',
    })
  }
  const openAll: KeyRing['openAll'] = (envelope, instances) => {
    writeFileSync(join(directory, 'envelope'), envelope)
    forEach(openEach, instances)
    return instances.map((instance) => {
      const file = join(directory, `${instance}.text`)
      return existsSync(file) ? readFileSync(file, 'utf8') : null
    })
  }
  const makeAll: KeyRing['makeAll'] = (instances, curve = 'P-256') => {
    forEach(makeEach, instances, curve)
    return instances.map((instance) => ({
      certificate: new Uint8Array(
        new X509Certificate(readFileSync(join(directory, `${instance}.pem`))).raw,
      ),
      privateKey: new Uint8Array(
        createPrivateKey(readFileSync(join(directory, `${instance}.key`))).export({
          type: 'pkcs8',
          format: 'der',
        }),
      ),
      open: (envelope) => openAll(envelope, [instance])[0] ?? null,
    }))
  }
  const make: KeyRing['make'] = (instance, curve) => {
    const [key] = makeAll([instance], curve)
    if (key === undefined) throw new Error(`openssl made no key for ${instance}`)
    return key
  }
  return { make, makeAll, openAll, remove: () => rmSync(directory, { recursive: true }) }
}
