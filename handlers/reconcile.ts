import * as z from 'zod'
import { createReadAlarms } from '../src/aws/alarms.ts'
import { createEcrLogins } from '../src/aws/ecr.ts'
import { createEventReporter } from '../src/aws/events.ts'
import { createFleet } from '../src/aws/fleet.ts'
import { createSecretReader } from '../src/aws/secrets-manager.ts'
import { createStartCarry } from '../src/aws/lambda-carry.ts'
import { createCommands } from '../src/aws/ssm-commands.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { createTakePush } from '../src/delivery/ecr-push.ts'
import { createOpenGithub } from '../src/github/api.ts'
import { createFindEvidence } from '../src/github/find-evidence.ts'
import { createCertificates } from '../src/journal/certificates.ts'
import { createAuditLog } from '../src/journal/audit-log.ts'
import { createCommandIndex } from '../src/journal/commands.ts'
import { createEvidenceJournal } from '../src/journal/evidence.ts'
import { createHeads } from '../src/journal/heads.ts'
import { createHistory } from '../src/journal/history.ts'
import { createLabels } from '../src/journal/labels.ts'
import { createRevisions } from '../src/journal/revisions.ts'
import { createCarryRecords } from '../src/journal/carries.ts'
import { createHerokuRecords } from '../src/journal/heroku.ts'
import { createProxyImages } from '../src/journal/proxy-images.ts'
import { createFleetScans } from '../src/journal/fleet-scans.ts'
import { createRepositories } from '../src/journal/repositories.ts'
import { createRenewals } from '../src/journal/renewals.ts'
import { createSeen } from '../src/journal/seen.ts'
import { createJournalTable, type JournalTable } from '../src/journal/table.ts'
import { createTags } from '../src/journal/tags.ts'
import { sleep, systemClock as clock } from '../src/kernel/clock.ts'
import { http, openHttp } from '../src/kernel/http.ts'
import { AppName, RevisionId } from '../src/kernel/id.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { createImages } from '../src/registry/images.ts'
import { createReadLogin } from '../src/registry/login.ts'
import { createReporters } from '../src/report/reporters.ts'
import { createReconcile } from '../src/rollout/reconcile.ts'
import { createWake } from '../src/rollout/wake.ts'
import { createSecretVersions, type ReadSecret } from '../src/secrets/app-secret.ts'
import { EcrPushEvent } from '../src/sources/ecr.ts'
import { createByKind } from '../src/targets/create.ts'
import { createEc2Target } from '../src/targets/ec2/ec2.ts'
import { createMeasureImage } from '../src/targets/ec2/measure-image.ts'
import { createFixProxyImage } from '../src/targets/ec2/proxy-image.ts'
import { createRenewProxies, createResolveRenewal } from '../src/targets/ec2/renew.ts'
import { listOnline, listPresent } from '../src/targets/ec2/select.ts'
import {
  createMaskOutput,
  createMeasureEnvelope,
  createSealEnvelope,
} from '../src/targets/ec2/seal.ts'
import { createOpenHeroku } from '../src/targets/heroku/api.ts'
import { createHerokuTarget } from '../src/targets/heroku/heroku.ts'
import { createOpenRender } from '../src/targets/render/api.ts'
import { createRenderTarget } from '../src/targets/render/render.ts'
import type { Target } from '../src/targets/target.ts'

/** A nudge with the app's name, an SSM invocation event, ECR's event of a push, or the schedule. */
const ReconcileEvent = z.union([
  z
    .object({ app: AppName, revision: RevisionId.nullish() })
    .transform(({ app, revision = null }) => ({ kind: 'nudge' as const, app, revision })),
  z
    .object({ detail: z.object({ 'command-id': z.string() }) })
    .transform(({ detail }) => ({ kind: 'command' as const, command: detail['command-id'] })),
  EcrPushEvent.transform((push) => ({ kind: 'push' as const, push })),
  z
    .object({ 'detail-type': z.literal('Scheduled Event') })
    .transform(() => ({ kind: 'tick' as const })),
])

type ReconcileEnvironment = z.output<typeof environments.reconcile>

const composeOutside = () => {
  const readSecret = createSecretReader()
  const readLogin = createReadLogin(readSecret, createEcrLogins(clock))
  return { readSecret, readLogin, fleet: createFleet(), images: createImages(http, readLogin) }
}

const composeRecords = (table: JournalTable) => ({
  heads: createHeads(table),
  commands: createCommandIndex(table),
  revisions: createRevisions(table),
  recordEvidence: createEvidenceJournal(table).recordEvidence,
  tags: createTags(table),
  labels: createLabels(table),
  seen: createSeen(table),
  history: createHistory(table),
  auditLog: createAuditLog(table),
})

const composeHeroku = (
  { HEROKU_API: baseUrl, CARRY_FUNCTION: carry }: ReconcileEnvironment,
  table: JournalTable,
  readSecret: ReadSecret,
) => ({
  open: createOpenHeroku({ http, readSecret, clock, baseUrl }),
  openHttp,
  readSecret,
  carry: { start: createStartCarry(carry), read: createCarryRecords(table).load },
  records: createHerokuRecords(table),
  maskOutput: createMaskOutput(readSecret),
  clock,
})

const composeEc2 = (
  environment: ReconcileEnvironment,
  table: JournalTable,
  { readSecret, readLogin, fleet, images }: ReturnType<typeof composeOutside>,
  log: Log,
) => ({
  commands: createCommands(),
  fleet,
  certificates: createCertificates(table, log),
  sealEnvelope: createSealEnvelope(readSecret, readLogin),
  measureEnvelope: createMeasureEnvelope(readSecret, readLogin),
  measureImage: createMeasureImage(
    ({ settings, digest }) => images.findSize(settings, digest, null),
    sleep,
  ),
  findProxyImage: createFixProxyImage({
    proxyImages: createProxyImages(table),
    setting: environment.PROXY_IMAGE,
    findDigest: images.findDigest,
    clock,
    log,
  }),
  maskOutput: createMaskOutput(readSecret),
  stage: {
    name: environment.STAGE,
    prepareDocument: environment.PREPARE_DOCUMENT,
    deployDocument: environment.DEPLOY_DOCUMENT,
    owner: environment.OWNER,
    proxyImage: environment.PROXY_IMAGE,
    subnet: environment.SUBNET,
  },
  clock,
  log,
})

const composeReconcileTargets = (
  environment: ReconcileEnvironment,
  table: JournalTable,
  outside: ReturnType<typeof composeOutside>,
  log: Log,
) => {
  const { readSecret, images } = outside
  const ec2 = composeEc2(environment, table, outside, log)
  const baseUrl = environment.RENDER_API
  const render = {
    open: createOpenRender({ http, readSecret, clock, baseUrl }),
    readSecret,
    listPlatforms: images.listPlatforms,
    clock,
  }
  const heroku = composeHeroku(environment, table, readSecret)
  return createByKind<Target>({
    ec2: (settings) => createEc2Target(ec2, settings),
    render: (settings) => createRenderTarget(render, settings),
    heroku: (settings) => createHerokuTarget(heroku, settings),
  })
}

const composeRenewal = (
  environment: ReconcileEnvironment,
  table: JournalTable,
  { fleet, images }: ReturnType<typeof composeOutside>,
  log: Log,
) => {
  const { PROXY_IMAGE, OWNER: owner, RENEW_DOCUMENT: renewDocument } = environment
  const ports = { findDigest: images.findDigest, clock, log }
  return createRenewProxies({
    renewals: createRenewals(table),
    proxyImages: createProxyImages(table),
    resolve: createResolveRenewal(ports, PROXY_IMAGE),
    listOnline: () => listOnline(fleet, environment.STAGE),
    commands: createCommands(),
    stage: { owner, renewDocument },
    clock,
    sleep,
    log,
  })
}

const composeFindEvidence = (
  { GITHUB_API: baseUrl }: ReconcileEnvironment,
  table: JournalTable,
  readSecret: ReadSecret,
) => {
  const open = createOpenGithub({ http, readSecret, clock, baseUrl })
  return createFindEvidence(open, createRepositories(table).load, clock)
}

const compose = (log: Log) => {
  const environment = readEnvironment(environments.reconcile)
  const { apps } = loadConfiguration()
  const table = createJournalTable(environment.TABLE_NAME)
  const records = composeRecords(table)
  const outside = composeOutside()
  const { readSecret, fleet, images } = outside
  const reporters = createReporters({
    http,
    readSecret,
    clock,
    apiUrl: environment.API_URL,
    githubApi: environment.GITHUB_API,
    loadRepository: createRepositories(table).load,
    event: createEventReporter(),
  })
  const reconcile = createReconcile({
    ...records,
    images,
    findEvidence: composeFindEvidence(environment, table, readSecret),
    ...createSecretVersions(readSecret),
    readAlarms: createReadAlarms(),
    sendNotice: (channel, notice, app) => reporters[channel](notice, app),
    toTarget: composeReconcileTargets(environment, table, outside, log),
    clock,
    sleep,
    log,
  })
  return createWake({
    ...records,
    renewProxies: composeRenewal(environment, table, outside, log),
    reconcile,
    apps,
    takePush: createTakePush({ ...records, apps, clock, log }),
    listPresent: () => listPresent(fleet, environment.STAGE),
    fleetScans: createFleetScans(table),
    clock,
    log,
  })
}

export const handler = lambda('reconcile', compose, (services, event) =>
  services()(ReconcileEvent.parse(event)),
)
