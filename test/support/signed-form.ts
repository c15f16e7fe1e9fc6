import { Sha256 } from '@smithy/core/checksum'
import { SignatureV4 } from '@smithy/signature-v4'
import type { ClientSettings } from '../../local/aws/index.ts'

/** A form of the Query protocol, signed as older versions of the AWS CLI do it. */
export const postForm = async (
  { endpoint, region, credentials }: ClientSettings,
  service: string,
  form: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly text: string }> => {
  const { host, hostname } = new URL(endpoint)
  const signer = new SignatureV4({
    credentials,
    region,
    service,
    sha256: Sha256,
    applyChecksum: false,
  })
  const body = new URLSearchParams(form).toString()
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname,
    path: '/',
    headers: { host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body,
  })
  const answer = await fetch(endpoint, { method: 'POST', headers, body })
  return { status: answer.status, text: await answer.text() }
}
