import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClientSettings } from '../aws/index.ts'

/** What a shell needs for `aws` and `sls` to speak to the stack; no character in it means anything to a shell. */
export const toExportLine = ({ endpoint, region, credentials }: ClientSettings): string =>
  [
    'export',
    `AWS_ENDPOINT_URL=${endpoint}`,
    `AWS_ACCESS_KEY_ID=${credentials.accessKeyId}`,
    `AWS_SECRET_ACCESS_KEY=${credentials.secretAccessKey}`,
    `AWS_REGION=${region}`,
  ].join(' ')

/** `env` in the state directory: that line, for other shells of this user, as long as the stack runs. */
export const writeExports = (state: string, client: ClientSettings): { stop(): void } => {
  const file = join(state, 'env')
  // One of an earlier run that was killed may have another mode.
  rmSync(file, { force: true })
  writeFileSync(file, `${toExportLine(client)}\n`, { mode: 0o600 })
  return { stop: () => rmSync(file, { force: true }) }
}
