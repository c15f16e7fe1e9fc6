import type { AppName, Generation, InstanceId } from '../kernel/id.ts'
import { Redacted } from '../kernel/redacted.ts'
import type { Environment } from './environment.ts'
import { listMasks } from './masks.ts'

export interface RegistryCredentials {
  /** As `docker login` takes it: `docker.io`, `registry.example:5000`. */
  readonly host: string
  readonly username: string
  readonly password: Redacted
}

export interface EnvelopeContent {
  readonly app: AppName
  readonly generation: Generation
  /** The instances that may use it; each looks for its own id before it believes the rest. */
  readonly instances: readonly InstanceId[]
  readonly environment: Environment
  readonly registry: RegistryCredentials | null
}

const secretsOf = ({ environment, registry }: EnvelopeContent): readonly Redacted[] => [
  ...environment.secretNames.flatMap((name) => environment.values.get(name) ?? []),
  ...(registry === null ? [] : [registry.password]),
]

/**
 * The plaintext of an envelope: the line `landfall/1 <app> <generation> <instance,…>`, then entries
 * that each end in NUL, so that a value may hold anything else:
 * `env NAME=value`, `secret NAME=value` (the value is masked as a whole), `mask value` for the parts of
 * those that are not, and `registry host`, `username …`, `password …` for a private image.
 */
export const renderEnvelopePlaintext = (content: EnvelopeContent): Redacted => {
  const { app, generation, instances, environment, registry } = content
  const masks = new Set(listMasks(secretsOf(content)).map((mask) => mask.reveal()))
  const env = [...environment.values].map(([name, value]) => {
    const kind = masks.delete(value.reveal()) ? 'secret' : 'env'
    return `${kind} ${name}=${value.reveal()}`
  })
  const login =
    registry === null
      ? []
      : [
          `registry ${registry.host}`,
          `username ${registry.username}`,
          `password ${registry.password.reveal()}`,
        ]
  const header = `landfall/1 ${app} ${generation} ${instances.join(',')}\n`
  const entries = [...env, ...[...masks].map((mask) => `mask ${mask}`), ...login].map(
    (entry) => `${entry}\0`,
  )
  return new Redacted(header + entries.join(''))
}
