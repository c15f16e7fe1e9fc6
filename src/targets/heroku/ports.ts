import type { Release } from '../../deployment/deployment.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { OpenHttp } from '../../kernel/http.ts'
import type { ReadSecret } from '../../secrets/app-secret.ts'
import type { Carry } from '../carry.ts'
import type { OpenHeroku } from './api.ts'
import type { HerokuRecords } from './record.ts'

export interface HerokuPorts {
  readonly open: OpenHeroku
  /** For the output of a release phase. */
  readonly openHttp: OpenHttp
  readonly readSecret: ReadSecret
  readonly carry: Carry
  readonly records: HerokuRecords
  /** Returns the function that masks a release's secrets in a text. */
  readonly maskOutput: (release: Release) => Promise<(text: string) => string>
  readonly clock: Clock
}
