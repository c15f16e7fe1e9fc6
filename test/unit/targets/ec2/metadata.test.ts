import { expect, test } from 'vitest'
import type { Ec2Settings } from '../../../../src/deployment/app.ts'
import { findMetadata, warnOfMetadata } from '../../../../src/targets/ec2/metadata.ts'
import type { FleetInstance } from '../../../../src/targets/ec2/ports.ts'
import { machine } from '../../../support/ec2-ports.ts'

const options = (needsToken: boolean, hopLimit: number, isEnabled = true) => ({
  isEnabled,
  needsToken,
  hopLimit,
})
const command = (hops: number): string =>
  `aws ec2 modify-instance-metadata-options --instance-id i-00000001 --http-tokens required --http-put-response-hop-limit ${hops}`
const role = "programs in any container there can get the instance's role"
const closed: readonly string[] = []

test.each<[string, FleetInstance['metadata'], Ec2Settings['metadata'], readonly string[]]>([
  ['required, one hop', options(true, 1), null, closed],
  [
    'required, two hops, as Amazon Linux 2023 begins',
    options(true, 2),
    null,
    [
      `problem metadata: HttpTokens=required, HttpPutResponseHopLimit=2: ${role}; run: ${command(1)}`,
    ],
  ],
  [
    'required, two hops, and block',
    options(true, 2),
    'block',
    [
      `problem metadata: HttpTokens=required, HttpPutResponseHopLimit=2: ${role}; run: ${command(1)}`,
    ],
  ],
  [
    'required, two hops, and allow',
    options(true, 2),
    'allow',
    [
      `warning metadata: HttpTokens=required, HttpPutResponseHopLimit=2: ${role}, as metadata: allow says`,
    ],
  ],
  [
    'optional, one hop',
    options(false, 1),
    null,
    [
      `problem metadata: HttpTokens=optional, HttpPutResponseHopLimit=1: ${role}; run: ${command(1)}`,
    ],
  ],
  [
    'optional, and allow',
    options(false, 1),
    'allow',
    [
      `problem metadata: HttpTokens=optional, HttpPutResponseHopLimit=1: ${role}; run: ${command(2)}`,
    ],
  ],
  [
    'required, one hop, and allow, which is not what they give',
    options(true, 1),
    'allow',
    [
      `warning metadata: HttpTokens=required, HttpPutResponseHopLimit=1: containers get no answer, against metadata: allow; run: ${command(2)}`,
    ],
  ],
  ['disabled, and allow', options(false, 64, false), 'allow', closed],
  ['disabled', options(false, 64, false), null, closed],
  [
    'unknown',
    'unknown',
    null,
    [
      `warning metadata: unknown: EC2's answer has no MetadataOptions; to be sure run: ${command(1)}`,
    ],
  ],
  ['a hybrid machine, which has none', null, null, closed],
])('finds whether containers can get the role: %s', (_name, metadata, setting, expected) => {
  const instance = machine(1, { metadata })
  const found = findMetadata(instance, setting)
  expect(found.map(({ level, what, message }) => `${level} ${what}: ${message}`)).toEqual(expected)
  const isProblem = expected.some((line) => line.startsWith('problem'))
  expect(warnOfMetadata(instance, setting) !== null).toBe(isProblem)
})

test('says in short what an opening tells', () => {
  expect(warnOfMetadata(machine(1, { metadata: options(false, 2) }), null)).toBe(
    'its containers can get its role (HttpTokens=optional, HttpPutResponseHopLimit=2)',
  )
})
