import * as z from 'zod'
import { createAlarmStates, createReadAlarms } from '../src/aws/alarms.ts'
import { createReadConcurrency } from '../src/aws/account.ts'
import { createEcrLogins } from '../src/aws/ecr.ts'
import { createFleet } from '../src/aws/fleet.ts'
import { createSecretReader } from '../src/aws/secrets-manager.ts'
import { createCommands } from '../src/aws/ssm-commands.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { listHookEvents } from '../src/delivery/describe-hooks.ts'
import { createHeads } from '../src/journal/heads.ts'
import { createHerokuRecords } from '../src/journal/heroku.ts'
import { createLabels } from '../src/journal/labels.ts'
import { createProxyImages } from '../src/journal/proxy-images.ts'
import { createRepositories } from '../src/journal/repositories.ts'
import { createRevisions } from '../src/journal/revisions.ts'
import { createSeen } from '../src/journal/seen.ts'
import { createJournalTable, type JournalTable } from '../src/journal/table.ts'
import { sleep, systemClock as clock } from '../src/kernel/clock.ts'
import { http } from '../src/kernel/http.ts'
import { RevisionId } from '../src/kernel/id.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { createImages } from '../src/registry/images.ts'
import { createReadLogin, type ReadLogin } from '../src/registry/login.ts'
import { answerForApp } from '../src/rollout/operator.ts'
import { createPlan } from '../src/rollout/plan.ts'
import { createSecretVersions, type ReadSecret } from '../src/secrets/app-secret.ts'
import { createSecretChecks } from '../src/secrets/check-secrets.ts'
import { createByKind } from '../src/targets/create.ts'
import { createEc2View } from '../src/targets/ec2/plan.ts'
import { createFindProxyImage } from '../src/targets/ec2/proxy-image.ts'
import { createMeasureEnvelope } from '../src/targets/ec2/seal.ts'
import { createOpenHeroku } from '../src/targets/heroku/api.ts'
import { createHerokuView } from '../src/targets/heroku/plan.ts'
import { createOpenRender } from '../src/targets/render/api.ts'
import { createRenderView } from '../src/targets/render/plan.ts'
import type { PlannedTarget } from '../src/targets/target.ts'

/** `npx sls invoke -f plan -d '{"app":"shop"}'` */
const PlanEvent = z.strictObject({ app: z.string(), revision: RevisionId.optional() })

const composeTargets = (
  environment: z.output<typeof environments.plan>,
  readSecret: ReadSecret,
  readLogin: ReadLogin,
  { findSize, findDigest }: ReturnType<typeof createImages>,
  table: JournalTable,
  log: Log,
) => {
  const proxyImages = createProxyImages(table)
  const proxy = { proxyImages, setting: environment.PROXY_IMAGE }
  const ec2 = {
    commands: createCommands(),
    fleet: createFleet(),
    measureEnvelope: createMeasureEnvelope(readSecret, readLogin),
    findSize,
    findProxyImage: createFindProxyImage({ ...proxy, findDigest, clock, log }),
    stage: {
      name: environment.STAGE,
      planDocument: environment.PLAN_DOCUMENT,
      owner: environment.OWNER,
      proxyImage: environment.PROXY_IMAGE,
      subnet: environment.SUBNET,
    },
    clock,
    sleep,
    log,
  }
  const baseUrl = environment.RENDER_API
  const render = { open: createOpenRender({ http, readSecret, clock, baseUrl }), readSecret }
  const heroku = {
    open: createOpenHeroku({ http, readSecret, clock, baseUrl: environment.HEROKU_API }),
    readSecret,
    records: createHerokuRecords(table),
  }
  return createByKind<PlannedTarget>({
    ec2: (settings) => createEc2View(ec2, settings),
    render: (settings) => createRenderView(render, settings),
    heroku: (settings) => createHerokuView(heroku, settings),
  })
}

const compose = (log: Log) => {
  const environment = readEnvironment(environments.plan)
  const { apps, sources } = loadConfiguration()
  const table = createJournalTable(environment.TABLE_NAME)
  const readSecret = createSecretReader()
  const readLogin = createReadLogin(readSecret, createEcrLogins(clock))
  const images = createImages(http, readLogin)
  const plan = createPlan({
    stage: environment.STAGE,
    apps,
    heads: createHeads(table),
    revisions: createRevisions(table),
    seen: createSeen(table),
    repositories: createRepositories(table),
    labels: createLabels(table),
    ...createSecretChecks(readSecret),
    ...createSecretVersions(readSecret),
    images,
    describeAlarms: createAlarmStates(),
    readAlarms: createReadAlarms(),
    readConcurrency: createReadConcurrency(),
    hooksOf: (app) => listHookEvents(app, sources),
    toTarget: composeTargets(environment, readSecret, readLogin, images, table, log),
    clock,
    log,
  })
  return { apps, plan }
}

export const handler = lambda('plan', compose, (services, input) =>
  answerForApp(PlanEvent, input, services, (app, { revision = null }, { plan }) =>
    plan(app, revision),
  ),
)
