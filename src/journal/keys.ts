import type { StepRecord } from '../deployment/step.ts'
import type { Instant } from '../kernel/clock.ts'
import type { AppName, DeliveryId, Generation, InstanceId, RevisionId } from '../kernel/id.ts'

/** The primary key of an item: both are strings, so that one table holds every kind of record. */
export interface ItemKey {
  readonly pk: string
  readonly sk: string
}

const digits = (value: number, count: number): string => String(value).padStart(count, '0')

/** Everything of an app, its head aside, that is read together lies under one partition key. */
export const appPartition = (app: AppName): string => `app#${app}`

/** A partition of its own, so that a policy can name the heads: webhooks touch everything else of an app. */
export const headKey = (app: AppName): ItemKey => ({ pk: `head#${app}`, sk: 'head' })

export const revisionKey = (app: AppName, id: RevisionId): ItemKey => ({
  pk: appPartition(app),
  sk: `revision#${id}`,
})

/** A pushed tag that carries no commit: one per app. */
export const tagKey = (app: AppName): ItemKey => ({ pk: appPartition(app), sk: 'tag' })

/** Which hooks reach us for an app: one per app. */
export const seenKey = (app: AppName): ItemKey => ({ pk: appPartition(app), sk: 'seen' })

export const deploymentPrefix = 'deployment#'

/** Eight digits, so that the order of the keys is the order of the deployments. */
export const deploymentKey = (app: AppName, generation: Generation): ItemKey => ({
  pk: appPartition(app),
  sk: `${deploymentPrefix}${digits(generation, 8)}`,
})

/** In the order of time; the same operation or alarm gives the same key. */
export const operationKey = (app: AppName, at: Instant, id: string): ItemKey => ({
  pk: appPartition(app),
  sk: `operation#${at}#${id}`,
})

export const alarmKey = (app: AppName, at: Instant, alarm: string): ItemKey => ({
  pk: appPartition(app),
  sk: `alarm#${at}#${alarm}`,
})

export const stepPartition = (app: AppName, generation: Generation): string =>
  `deployment#${app}#${generation}`

export const stepKey = (app: AppName, step: StepRecord): ItemKey => ({
  pk: stepPartition(app, step.generation),
  sk: `step#${step.instance}#${digits(step.fence, 10)}#${step.purpose}`,
})

/** Who of the stage's instances was there when the clock last looked: one for all apps. */
export const fleetScanKey: ItemKey = { pk: 'stage', sk: 'fleet-scan' }

export const receiptKey = (id: DeliveryId): ItemKey => ({ pk: `delivery#${id}`, sk: 'receipt' })

export const commandKey = (command: string): ItemKey => ({
  pk: `command#${command}`,
  sk: 'command',
})

export const certificateKey = (instance: InstanceId): ItemKey => ({
  pk: `instance#${instance}`,
  sk: 'certificate',
})

/** What is known of an image on its way to Heroku: one for each app and process type there. */
export const carryKey = (heroku: string, process: string): ItemKey => ({
  pk: `carry#${heroku}/${process}`,
  sk: 'carry',
})

/** The two attributes of the sparse index; only what is open or waiting carries them. */
export interface OpenKey {
  readonly open: string
  readonly openKey: string
}

export const openIndex = 'open'

const openKey = (app: AppName, record: string): OpenKey => ({
  open: openIndex,
  openKey: `${app}#${record}`,
})

export const headOpen = (app: AppName): OpenKey => openKey(app, 'head')

export const tagOpen = (app: AppName): OpenKey => openKey(app, 'tag')

export const revisionOpen = (app: AppName, id: RevisionId): OpenKey =>
  openKey(app, `revision#${id}`)

export const revisionOpenPrefix = (app: AppName): string => `${app}#revision#`
