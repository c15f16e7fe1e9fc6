import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { toWorkflowRun } from '../local/team/signed-delivery.ts'

export interface SignedDelivery {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

export interface DeliveryOrder {
  readonly secret: string
  readonly branch: string
  /** `acme/shop`, in turn. */
  readonly repositories: readonly string[]
  readonly count: number
}

/** As much as a usual workflow_run holds beside the fields that matter. */
const padding = 'x'.repeat(12_000)

/** Green runs, each of a commit of its own, as GitHub signs them. */
export const signDeliveries = ({
  secret,
  branch,
  repositories,
  count,
}: DeliveryOrder): readonly SignedDelivery[] =>
  Array.from({ length: count }, (_, index) => {
    const run = toWorkflowRun({
      repository: repositories[index % repositories.length] ?? '',
      branch,
      workflow: 'CI',
      commit: randomBytes(20).toString('hex'),
      runNumber: index + 1,
    })
    const body = `${run.slice(0, -1)},"sender":{"padding":"${padding}"}}`
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'x-github-event': 'workflow_run',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    }
    return { body, headers }
  })

/** Begins one after another at a constant rate, and waits until all are done. `dueAt` is by `performance.now()`. */
export const beginAtRate = async (
  count: number,
  ratePerSecond: number,
  begin: (index: number, dueAt: number) => Promise<void>,
): Promise<void> => {
  const begunAt = performance.now()
  const underWay: Promise<void>[] = []
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - begunAt) / 1000) * ratePerSecond)
      while (underWay.length < Math.min(due, count)) {
        const dueAt = begunAt + ((underWay.length + 1) / ratePerSecond) * 1000
        underWay.push(begin(underWay.length, dueAt))
      }
      if (underWay.length < count) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
  await Promise.all(underWay)
}
