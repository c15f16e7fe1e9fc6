import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { docker } from './docker.ts'
import { ensureProxyImage, proxyImage } from './images.ts'
import { startRegistry } from './registry.ts'

/** The names by digest under which this engine knows an image, also of registries that are gone. */
const listPinned = async (image: string): Promise<readonly string[]> => {
  const listed = await docker(['image', 'inspect', '--format', '{{json .RepoDigests}}', image])
  return z.array(z.string()).parse(JSON.parse(listed))
}

/** As a push to a local registry has pinned it before; null if none has. */
const findPinnedProxyImage = async (): Promise<string | null> => {
  await ensureProxyImage()
  return (await listPinned(proxyImage)).find((one) => one.startsWith('localhost:')) ?? null
}

/** The proxy's image in a registry, by its tag there and by its digest: a host is ordered the latter. */
export const publishProxyImage = async (
  registry: string,
): Promise<{ readonly tagged: string; readonly pinned: string }> => {
  await ensureProxyImage()
  const name = `${registry}/landfall/haproxy`
  const tagged = `${name}:local`
  await docker(['tag', proxyImage, tagged])
  await docker(['push', '--quiet', tagged])
  const pinned = (await listPinned(tagged)).find((one) => one.startsWith(`${name}@`))
  if (pinned === undefined) throw new Error(`Docker knows no digest of ${tagged}`)
  return { tagged, pinned }
}

/**
 * The proxy's image by a digest that this engine knows, for where the registry of the apps lets nothing in without a
 * login. An engine learns a digest by a push; it needs the registry no more afterwards.
 */
export const pinProxyImage = async (): Promise<string> => {
  const known = await findPinnedProxyImage()
  if (known !== null) return known
  const directory = mkdtempSync(join(tmpdir(), 'landfall-proxy-registry-'))
  const registry = await startRegistry({ port: 0, directory })
  try {
    return (await publishProxyImage(registry.address)).pinned
  } finally {
    await registry.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
