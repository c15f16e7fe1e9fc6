import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publishProxyImage } from './images.ts'
import { startRegistry } from './registry.ts'

/**
 * The proxy's image by a digest that this engine knows, for where the registry of the apps lets nothing in without a
 * login. An engine learns a digest by a push; it needs the registry no more afterwards.
 */
export const pinProxyImage = async (): Promise<string> => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-proxy-registry-'))
  const registry = await startRegistry({ port: 0, directory })
  try {
    return (await publishProxyImage(registry.address)).pinned
  } finally {
    await registry.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
