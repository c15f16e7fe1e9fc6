import type { Release } from '../../deployment/deployment.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { ReadSecret } from '../../secrets/app-secret.ts'
import type { OpenRender } from './api.ts'

export interface RenderPorts {
  readonly open: OpenRender
  readonly readSecret: ReadSecret
  /**
   * The digests by which the image of a release is known besides its own: those of its platforms,
   * where it is an index.
   *
   * @throws Retryable where the registry does not answer
   */
  readonly listPlatforms: (release: Release) => Promise<readonly string[]>
  readonly clock: Clock
}
