import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import type { RunScript, ScriptEnd, ScriptOrder } from '../local/aws/index.ts'
import { AppName, Digest, Fence, Generation, InstanceId } from '../src/kernel/id.ts'
import { readSettings } from '../test/support/ec2-ports.ts'
import { arrive, createHost, finish, type Host, type HostOrder } from '../test/support/hosts.ts'
import type { KeyRing } from '../test/support/instance-key.ts'
import { hostSteps } from './deployment.ts'

/** What the agent hands to the scripts, as `host/documents.ts` declares it. */
const Prepare = z.object({
  AWS_SSM_INSTANCE_ID: InstanceId,
  SSM_App: AppName,
  SSM_NotAfter: z.coerce.number(),
})
const Deploy = Prepare.extend({
  SSM_Mode: z.enum(['deploy', 'restore']),
  SSM_Generation: z.coerce.number().pipe(Generation),
  SSM_Fence: z.coerce.number().pipe(Fence),
  SSM_Settings: z.string().min(1),
  SSM_Envelope: z.base64().min(1),
})
const Parameters = z.union([Deploy, Prepare])
type Parameters = z.infer<typeof Parameters>

const toOrder = (given: Parameters): HostOrder => {
  const notAfter = new Date(given.SSM_NotAfter * 1000).toISOString()
  if (!('SSM_Mode' in given))
    return {
      purpose: 'prepare',
      fence: Fence.parse(0),
      notAfter,
      hostSeconds: 60,
      numberedAt: null,
      release: null,
    }
  const settings = new Map(
    readSettings(given.SSM_Settings).map((entry) => {
      const [name = '', ...value] = entry.split('=')
      return [name, value.join('=')]
    }),
  )
  const numbered = settings.get('numbered')
  return {
    purpose: given.SSM_Mode,
    fence: given.SSM_Fence,
    notAfter,
    hostSeconds: Number(settings.get('timeout')),
    numberedAt: numbered === undefined ? null : new Date(Number(numbered)).toISOString(),
    release: {
      generation: given.SSM_Generation,
      digest: Digest.parse(settings.get('digest')),
    },
  }
}

export interface StandIns {
  readonly run: RunScript
  /** Scripts that have not ended. */
  readonly running: () => number
  /** How long one takes: `hosts.ts` has 0.3 s for a `prepare` and 2 s for a `deploy`, by this. */
  times: number
}

/** Fifty hosts are never done in the same moment: each takes up to so much longer. */
const spreadMilliseconds = 500

const toSpread = (id: InstanceId): number =>
  ((Number.parseInt(id.slice(-3), 16) * 37) % 100) * (spreadMilliseconds / 100)

/**
 * Instances without Docker: each answers a command as the host scripts would, by what stands in its
 * parameters, with the fences and the memory of `test/support/hosts.ts`. A certificate is a real one.
 */
export const createStandIns = (certificateOf: (id: InstanceId) => string): StandIns => {
  const hosts = new Map<string, Host>()
  let running = 0
  const hostOf = (given: Parameters): Host => {
    const key = `${given.AWS_SSM_INSTANCE_ID} ${given.SSM_App}`
    const known = hosts.get(key) ?? createHost(given.AWS_SSM_INSTANCE_ID)
    hosts.set(key, known)
    return known
  }
  const carryOut = async ({ environment }: ScriptOrder): Promise<ScriptEnd> => {
    const given = Parameters.parse(environment)
    const [host, order] = [hostOf(given), toOrder(given)]
    const delivered = { order, key: null, fault: 'none' } as const
    // Commands to one host are one after the other here; the lock of the scripts is not measured.
    host.busyUntil = 0
    const now = Date.now()
    const begun = arrive(host, delivered, now)
    if (!('outcome' in begun))
      await sleep((begun.doneAt - now) * standIns.times + toSpread(host.id))
    const answer = 'outcome' in begun ? begun : finish(host, delivered, Date.now())
    if (answer === null) throw new Error('a host without a fault gave no answer')
    const { outcome, reason, serving } = answer
    const result = {
      outcome,
      reason,
      serving,
      fenceSeen: host.fenceSeen,
      ...(order.purpose === 'prepare'
        ? { certificate: certificateOf(host.id) }
        : { steps: hostSteps.map((name) => ({ name, status: 'succeeded', ms: 100 })) }),
    }
    const stdout = `landfall/1 ${JSON.stringify(result)}\n`
    return { exitCode: outcome === 'succeeded' ? 0 : 1, stdout, stderr: '' }
  }
  const standIns: StandIns = {
    times: 0.25,
    running: () => running,
    run: (order) => {
      running += 1
      const ended = carryOut(order).finally(() => (running -= 1))
      return { ended, kill: () => undefined }
    },
  }
  return standIns
}

const madeCertificates = 10

/** Made ahead, because openssl would hold up everything else meanwhile; instances share them. */
export const createCertificates = (keys: KeyRing): ((id: InstanceId) => string) => {
  const made = Array.from({ length: madeCertificates }, (_, index) =>
    Buffer.from(keys.make(`i-0000000${index}`).certificate).toString('base64'),
  )
  return (id) => made[Number.parseInt(id.slice(-4), 16) % madeCertificates] ?? ''
}
