import type { AppAnswer } from '../../src/answers/status.ts'
import type { Paint } from '../terminal.ts'
import { markStatus, nameRelease, safe, renderTable, shortRevision, toAge } from '../text.ts'

interface StatusView {
  readonly paint: Paint
  readonly now: number
}

type Waiting = AppAnswer['waiting'][number]

const renderLiveLines = ({ live, deployments }: AppAnswer, { now }: StatusView): string => {
  if (live === null) return 'nothing is live'
  const made = deployments.find(({ generation }) => generation === live.generation)
  const since = made?.endedAt ? `, ${toAge(made.endedAt, now)}` : ''
  return `${nameRelease(live)}${since}`
}

const describeOpen = ({ open, deployments }: AppAnswer, { paint, now }: StatusView): string => {
  const deployment = deployments.find(({ generation }) => generation === open)
  if (deployment === undefined) return ''
  const since = toAge(deployment.openedAt, now)
  return `${markStatus(deployment.status, paint)} ${nameRelease(deployment)}, ${since}`
}

const describeHold = ({ frozen }: AppAnswer, { paint }: StatusView): string =>
  frozen === null
    ? ''
    : paint('yellow', `frozen by ${safe(frozen.by, 100)}: ${safe(frozen.reason)}`)

/** One row an app: live, open, held, waiting. */
export const renderApps = (apps: readonly AppAnswer[], view: StatusView): readonly string[] =>
  apps.length === 0
    ? ['landfall.yml of this stage has no app']
    : renderTable([
        ['APP', 'LIVE', 'OPEN', 'WAITING'].map((title) => view.paint('dim', title)),
        ...apps.map((one) => [
          view.paint('bold', safe(one.app, 60)),
          renderLiveLines(one, view),
          [describeOpen(one, view), describeHold(one, view)].filter(Boolean).join('; ') || '–',
          one.waiting.length === 0 ? '–' : String(one.waiting.length),
        ]),
      ])

const describeWaiting = (
  { revision, origin, lacks, reason, since }: Waiting,
  { now }: StatusView,
) => {
  const title = origin?.title ? ` "${safe(origin.title, 120)}"` : ''
  const why =
    lacks.length > 0
      ? `lacks ${lacks.map((one) => safe(one, 100)).join(', ')}`
      : safe(reason ?? '', 80)
  return `waiting      ${shortRevision(safe(revision, 80))}${title}: ${why}, since ${toAge(since, now)}`
}

/** Instances that do not serve the live release, or are not known to. */
const describeInstances = ({ instances, live, converging }: AppAnswer): readonly string[] => {
  const others = instances.filter(({ serves }) => serves === null || serves !== live?.generation)
  const serving = `${instances.length - others.length} of ${instances.length} serve what is live`
  return instances.length === 0
    ? []
    : [
        `instances    ${serving}${converging.length > 0 ? `, ${converging.length} are put right` : ''}`,
        ...others.map(
          ({ id, serves, reason }) =>
            `             ${safe(id, 60)} ${serves === null ? '' : `serves #${serves} `}${safe(reason ?? '', 80)}`,
        ),
      ]
}

const describeRequest = ({ request, takeBack }: AppAnswer): readonly string[] => [
  ...(takeBack === null
    ? []
    : [
        `${takeBack.kind.padEnd(12)} of #${takeBack.generation} by ${safe(takeBack.by, 100)}: ${takeBack.refusal === null ? 'to be done' : `refused, ${safe(takeBack.refusal, 80)}`}`,
      ]),
  ...(request === null
    ? []
    : [
        `redeploy     by ${safe(request.by, 100)}: ${request.refusal === null ? 'to be opened' : `refused, ${safe(request.refusal, 80)}`}`,
      ]),
]

/** One app, with all that holds it up. */
export const renderAppLines = (app: AppAnswer, view: StatusView): readonly string[] => {
  const open = describeOpen(app, view)
  const hold = describeHold(app, view)
  const [last] = app.deployments
  const ended =
    last?.endedAt && last.generation !== app.open
      ? [
          `last         ${markStatus(last.status, view.paint)} ${nameRelease(last)}, ${toAge(last.endedAt, view.now)}`,
        ]
      : []
  return [
    view.paint('bold', safe(app.app, 60)),
    `live         ${renderLiveLines(app, view)}`,
    ...(open === '' ? [] : [`open         ${open}`]),
    ...ended,
    ...(hold === '' ? [] : [`held         ${hold}`]),
    ...describeRequest(app),
    ...app.waiting.map((one) => describeWaiting(one, view)),
    ...app.moved.map(
      ({ revision, digest }) =>
        `moved        the tag of ${shortRevision(safe(revision, 80))} names ${shortRevision(safe(digest, 80))} by now`,
    ),
    ...describeInstances(app),
    ...(app.quarantine.length === 0
      ? []
      : [`quarantined  ${app.quarantine.length}: only landfall deploy --force deploys them`]),
    ...(app.alarmsUntil !== null && Date.parse(app.alarmsUntil) > view.now
      ? [`alarms       may take the last deployment back until ${safe(app.alarmsUntil, 40)}`]
      : []),
  ]
}
