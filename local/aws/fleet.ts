export interface Tag {
  readonly key: string
  readonly value: string
}

/** A machine under SSM: its engine, its state and how a process gets onto it. */
export interface Instance {
  readonly id: string
  readonly name: string
  readonly address: string
  /** A key may stand here more than once, so that the selectors of all apps find the instance. */
  readonly tags: readonly Tag[]
  /** `LANDFALL_ROOT` there */
  readonly stateRoot: string
  /** `LANDFALL_NETWORK` there: the containers' network; null for the name that every host has */
  readonly network: string | null
  /** `unix://…`; null where no engine is wanted (tests of the agent alone) */
  readonly dockerHost: string | null
  /** Put before a command to run it inside the instance, `nsenter …`; empty on the machine itself. */
  readonly enter: readonly string[]
}

/** As EC2 writes them; Amazon Linux 2023 begins with a hop limit of 2. */
export interface MetadataOptions {
  readonly httpEndpoint: 'enabled' | 'disabled'
  readonly httpTokens: 'required' | 'optional'
  readonly httpPutResponseHopLimit: number
}

/** What SSM and EC2 can say of it at the moment; a test changes it here. */
export interface InstanceStatus {
  online: boolean
  state: 'running' | 'stopped' | 'terminated'
  agentVersion: string
  /** The name of its instance profile; null where none is attached. */
  profile: string | null
  /** Null: EC2's answer leaves them out, as older emulators do. */
  metadataOptions: MetadataOptions | null
}

export interface FleetMember {
  readonly instance: Instance
  readonly status: InstanceStatus
}

export const toTagValues = ({ tags }: Instance, key: string): readonly string[] =>
  tags.filter((tag) => tag.key === key).map(({ value }) => value)

/** By id, in the order they were started. */
export type Fleet = ReadonlyMap<string, FleetMember>

export const createFleet = (instances: readonly Instance[]): Fleet =>
  new Map(
    instances.map((instance) => [
      instance.id,
      {
        instance,
        status: {
          online: true,
          state: 'running',
          agentVersion: '3.3.3598.0',
          profile: null,
          metadataOptions: {
            httpEndpoint: 'enabled',
            httpTokens: 'required',
            httpPutResponseHopLimit: 1,
          },
        },
      },
    ]),
  )
