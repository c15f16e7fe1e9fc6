import type { Timing } from '../aws/index.ts'

export interface StackOptions {
  /** Path of `landfall.yml`. */
  readonly config: string
  /** Tables, secrets, commands, logs and the instances' own state; kept when the stack stops. */
  readonly stateDirectory: string
  /** 0 takes a free port. */
  readonly apiPort: number
  readonly awsPort: number
  /** Names besides loopback's by which the API may be called: a tunnel's. */
  readonly apiHosts: readonly string[]
  /** null: no registry of ours. One that answers there already is used. */
  readonly registryPort: number | null
  /** 0: this machine's own engine is `i-00000001`; else so many network namespaces, each with its own. */
  readonly instances: number
  readonly region: string
  /** Laid over the variables that the template gives to the functions. */
  readonly environment: Readonly<Record<string, string>>
  readonly timing: Timing
  /** Whether the schedules wake their functions by themselves, or at `tick` alone. */
  readonly hasClock: boolean
  /** A start that is under way when it aborts is taken back; a stack that has started is stopped by `stop` alone. */
  readonly ending?: AbortSignal
  /** Progress and what went wrong in a function, a line each. */
  readonly say: (line: string) => void
}
