import type { ProxyImage, ProxyImages } from '../../../../src/deployment/proxy.ts'
import { expect, test } from 'vitest'
import { fail, succeed } from '../../../../src/kernel/result.ts'
import {
  createFindProxyImage,
  createFixProxyImage,
  longestReference,
  toProxyReference,
} from '../../../../src/targets/ec2/proxy-image.ts'
import { start } from '../../../support/deployments.ts'
import { digestAt } from '../../../support/examples.ts'

const setting = 'docker.io/library/haproxy:3.2'

/** A registry whose tag moves with each question, and a journal that keeps the first record. */
const createStage = (given: { setting?: string; isDown?: boolean } = {}) => {
  const asked: string[] = []
  const said: string[] = []
  let recorded: ProxyImage | null = null
  const proxyImages: ProxyImages = {
    load: async () => recorded,
    recordFirst: async (image) => (recorded ??= image),
    replace: async (image) => void (recorded = image),
  }
  const ports = {
    proxyImages,
    setting: given.setting ?? setting,
    findDigest: async ({ image }: { image: string }, tag: string) => {
      asked.push(`${image} ${tag}`)
      return given.isDown === true
        ? fail({ reason: 'registry_unavailable' })
        : succeed(digestAt(asked.length))
    },
    clock: () => new Date(start),
    log: {
      warn: (message: string, fields?: object) =>
        void said.push(`${message} ${JSON.stringify(fields)}`),
    },
  }
  return { ports, asked, said, recorded: () => recorded }
}

test('the tag is resolved once for the stage, wherever it points later', async () => {
  const { ports, asked } = createStage()
  const image = { image: 'docker.io/library/haproxy', tag: '3.2', digest: digestAt(1), at: start }
  for (let command = 0; command < 3; command += 1)
    expect(await createFixProxyImage(ports)()).toEqual(succeed(image))
  expect(asked).toEqual(['docker.io/library/haproxy 3.2'])
  expect(toProxyReference(image)).toBe(`docker.io/library/haproxy@${digestAt(1)}`)
})

test('two commands that are the first at one time name one digest', async () => {
  const { ports } = createStage()
  const fix = createFixProxyImage(ports)
  const [one, other] = await Promise.all([fix(), fix()])
  expect(one).toEqual(other)
})

test('a setting that names a digest asks no registry', async () => {
  const pinned = createStage({ setting: `registry.example:5000/haproxy@${digestAt(9)}` })
  const image = {
    image: 'registry.example:5000/haproxy',
    tag: digestAt(9),
    digest: digestAt(9),
    at: start,
  }
  expect(await createFixProxyImage(pinned.ports)()).toEqual(succeed(image))
  expect(pinned.asked).toEqual([])
})

test('where the registry does not answer nothing is recorded, and the log says why', async () => {
  const { ports, said, recorded } = createStage({ isDown: true })
  expect(await createFixProxyImage(ports)()).toEqual(fail('proxy_image_unavailable'))
  expect(recorded()).toBeNull()
  expect(said).toEqual([
    `proxy image not found ${JSON.stringify({ image: setting, reason: 'registry_unavailable' })}`,
  ])
})

test('a look for plan names what a deployment would name, and records nothing', async () => {
  const { ports, recorded } = createStage()
  expect(await createFindProxyImage(ports)()).toMatchObject({
    ok: true,
    value: { digest: digestAt(1) },
  })
  expect(recorded()).toBeNull()
  await createFixProxyImage(ports)()
  expect(await createFindProxyImage(ports)()).toMatchObject({
    ok: true,
    value: { digest: digestAt(2) },
  })
})

test('the room in a command is measured with a reference as long as any of that repository', () => {
  const real = toProxyReference({
    image: 'docker.io/library/haproxy',
    tag: '3.2',
    digest: digestAt(1),
    at: start,
  })
  expect(longestReference(setting)).toHaveLength(real.length)
})
