import { Sha256 } from '@smithy/core/checksum'
import { SignatureV4 } from '@smithy/signature-v4'
import type { ClientSettings } from '../../local/aws/index.ts'
import type { RawAnswer } from './send-raw.ts'

const post = async (
  { endpoint, region, credentials }: ClientSettings,
  service: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<RawAnswer> => {
  const { host, hostname } = new URL(endpoint)
  const sha256 = Sha256
  const signer = new SignatureV4({ credentials, region, service, sha256, applyChecksum: false })
  const request = { method: 'POST', protocol: 'http:', hostname, path: '/', body }
  const signed = await signer.sign({ ...request, headers: { host, ...headers } })
  const answer = await fetch(endpoint, { method: 'POST', headers: signed.headers, body })
  return { status: answer.status, text: await answer.text() }
}

/** A form of the Query protocol, signed as older versions of the AWS CLI do it. */
export const postForm = (
  client: ClientSettings,
  service: string,
  form: Readonly<Record<string, string>>,
): Promise<RawAnswer> =>
  post(
    client,
    service,
    { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    new URLSearchParams(form).toString(),
  )

/** An operation of the JSON protocol, whatever an SDK thinks of its input. */
export const postJson = (
  client: ClientSettings,
  service: string,
  target: string,
  input: unknown,
): Promise<RawAnswer> =>
  post(
    client,
    service,
    { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target },
    JSON.stringify(input),
  )
