import type { StepRecord } from '../deployment/step.ts'
import type { Instant } from '../kernel/clock.ts'
import {
  AppName,
  type DeliveryId,
  type Generation,
  type InstanceId,
  type RevisionId,
} from '../kernel/id.ts'

/** The primary key of an item: both are strings, so that one table holds every kind of record. */
export interface ItemKey {
  readonly pk: string
  readonly sk: string
}

// Partitions are cut by who may write them: a policy can name the beginning of a partition key and nothing
// else of an item (`dynamodb:LeadingKeys`, packaging/roles.yml).

/** What webhooks may write: an app's revisions, its tag, which webhooks arrive, and of which repository. */
const appPartition = (app: AppName): string => `app#${app}`

/** What `reconcile` alone may write: what it has opened, and how that ended. */
export const historyPartition = (app: AppName): string => `history#${app}`

/** For people: what operators and alarms have done. */
const auditPartition = (app: AppName): string => `audit#${app}`

export const stepPartition = (app: AppName, generation: Generation): string =>
  `deployment#${app}#${generation}`

/** One partition each, so that all of them can be ended. */
export const linkPartition = 'open#link'
export const sessionPartition = 'session#page'

export const deploymentPrefix = 'deployment#'

/** Eight digits, so that the order of the keys is the order of the deployments. */
const toNumber = (generation: Generation): string => String(generation).padStart(8, '0')

/** What was ever opened under this number: more than one where a run was stopped before it wrote the head. */
export const releasePrefix = (generation: Generation): string => `release#${toNumber(generation)}#`

const ofApp = (app: AppName, sk: string): ItemKey => ({ pk: appPartition(app), sk })
const ofAudit = (app: AppName, sk: string): ItemKey => ({ pk: auditPartition(app), sk })

/** The key of each kind of record. */
export const itemKey = {
  head: (app: AppName): ItemKey => ({ pk: `head#${app}`, sk: 'head' }),

  revision: (app: AppName, id: RevisionId) => ofApp(app, `revision#${id}`),

  /** A pushed tag that carries no commit, and the labels of its images: one per app. */
  tag: (app: AppName) => ofApp(app, 'tag'),

  /** Which webhooks arrive for an app: one per app. */
  seen: (app: AppName) => ofApp(app, 'seen'),

  /** Which repository an app's deliveries are of: one per app. */
  repository: (app: AppName) => ofApp(app, 'repository'),

  release: (app: AppName, generation: Generation, hash: string): ItemKey => ({
    pk: historyPartition(app),
    sk: `${releasePrefix(generation)}${hash}`,
  }),

  deployment: (app: AppName, generation: Generation): ItemKey => ({
    pk: historyPartition(app),
    sk: `${deploymentPrefix}${toNumber(generation)}`,
  }),

  /** In the order of time; the same operation or alarm gives the same key. */
  operation: (app: AppName, at: Instant, id: string) => ofAudit(app, `operation#${at}#${id}`),
  alarm: (app: AppName, at: Instant, alarm: string) => ofAudit(app, `alarm#${at}#${alarm}`),

  step: (app: AppName, { generation, instance, fence, purpose }: StepRecord): ItemKey => ({
    pk: stepPartition(app, generation),
    sk: `step#${instance}#${String(fence).padStart(10, '0')}#${purpose}`,
  }),

  /** The last fleet scan: one per stage. */
  fleetScan: (): ItemKey => ({ pk: 'stage', sk: 'fleet-scan' }),

  /** What every proxy of the stage is made of: one per stage. */
  proxyImage: (): ItemKey => ({ pk: 'proxy', sk: 'image' }),

  /** How far the newest renewal of proxies has come: one per stage. */
  renewal: (): ItemKey => ({ pk: 'proxy', sk: 'renewal' }),

  /** An operator's request to renew the proxies, and its audit entry: no app is named `#proxy`. */
  renewalRequest: (): ItemKey => ({ pk: 'proxy-request', sk: 'request' }),
  proxyOperation: (at: Instant, id: string): ItemKey => ({
    pk: 'audit##proxy',
    sk: `operation#${at}#${id}`,
  }),

  /** A sign-in link of the page, and a session, each by the hash of its token: no item holds the token. */
  signInLink: (hash: string): ItemKey => ({ pk: linkPartition, sk: hash }),
  pageSession: (hash: string): ItemKey => ({ pk: sessionPartition, sk: hash }),

  receipt: (id: DeliveryId): ItemKey => ({ pk: `delivery#${id}`, sk: 'receipt' }),

  command: (command: string): ItemKey => ({ pk: `command#${command}`, sk: 'command' }),

  certificate: (instance: InstanceId): ItemKey => ({
    pk: `instance#${instance}`,
    sk: 'certificate',
  }),

  /** The state of an image on its way to Heroku: one for each app and process type there. */
  carry: (heroku: string, process: string): ItemKey => ({
    pk: `carry#${heroku}/${process}`,
    sk: 'carry',
  }),

  /** The newest order for an app and process type of Heroku, and what each release became there. */
  herokuDeploy: (heroku: string, process: string): ItemKey => ({
    pk: `heroku#${heroku}/${process}`,
    sk: 'deploy',
  }),
  herokuRelease: (heroku: string, process: string, generation: Generation): ItemKey => ({
    pk: `heroku#${heroku}/${process}`,
    sk: `release#${toNumber(generation)}`,
  }),
}

export const openIndex = 'open'

export const revisionOpenPrefix = (app: AppName): string => `${app}#revision#`

const restingPrefix = 'manual#'

/** The two attributes of the sparse index; only what is open or waiting carries them. */
export const openAttributes = {
  head: (app: AppName) => ({ open: openIndex, openKey: `${app}#head` }),
  tag: (app: AppName) => ({ open: openIndex, openKey: `${app}#tag` }),
  revision: (app: AppName, id: RevisionId) => ({
    open: openIndex,
    openKey: `${revisionOpenPrefix(app)}${id}`,
  }),
  /** A revision that waits for a person: it is found with the others, and the schedule passes it over. */
  resting: (app: AppName, id: RevisionId) => ({
    open: openIndex,
    openKey: `${revisionOpenPrefix(app)}${restingPrefix}${id}`,
  }),
}

/** The app that the schedule looks at because of an entry of the index; null where it need not, or names no app. */
export const toOpenApp = (openKey: string): AppName | null => {
  const app = AppName.safeParse(openKey.split('#')[0]).data
  if (app === undefined) return null
  return openKey.startsWith(`${revisionOpenPrefix(app)}${restingPrefix}`) ? null : app
}
