import { isLoopback } from '../kernel/http.ts'
import { parseImage } from '../registry/image.ts'
import { assembleEnvironment } from '../secrets/environment.ts'
import { checkEc2 } from './check-ec2.ts'
import type { Findings } from './findings.ts'
import { gather, mistaken, warned, when } from './findings.ts'
import { renderPath, type Path } from './mistake.ts'
import type { AppFile, LandfallFile, TargetFile } from './schema.ts'

type CheckedSources = LandfallFile['sources']

const checkRequirement = (
  path: Path,
  app: AppFile,
  index: number,
  sources: CheckedSources,
): Findings => {
  const entry = app.requires[index]
  if (entry === undefined || entry === 'image') return gather([])
  const { ci, workflow } = entry
  const isSame = (other: AppFile['requires'][number]): boolean =>
    other !== 'image' && other.ci === ci && other.workflow === workflow
  return gather([
    when(
      sources[ci] === undefined,
      mistaken(
        [...path, 'requires', index, 'ci'],
        `requires ${ci}, but there is no sources.${ci}: add ${ci}: { secret: … } there`,
      ),
    ),
    when(
      app.requires.findIndex(isSame) < index,
      mistaken([...path, 'requires', index], `requires ${ci} ${workflow} twice`),
    ),
    when(
      ci === 'circleci' && /\.ya?ml$/i.test(workflow),
      warned(
        [...path, 'requires', index, 'workflow'],
        'looks like a file, and CircleCI keeps all workflows in one: name it as .circleci/config.yml does, under workflows',
      ),
    ),
  ])
}

/** Docker Hub sends hooks; for a registry on this machine, which tries things out, a person does. */
const isAnnounced = (app: AppFile): boolean => {
  const { host, origin } = parseImage(app.image)
  return host === 'docker.io' || isLoopback(origin.hostname)
}

/** Without CI something else has to say that there is something new. */
const checkWakening = (path: Path, app: AppFile, sources: CheckedSources): Findings => {
  const hasCi = app.requires.some((entry) => entry !== 'image')
  const byHook = sources['docker-hub'] !== undefined && isAnnounced(app)
  const byPush =
    sources.github !== undefined && app.repository !== undefined && app.tag.includes('{commit}')
  return when(
    !hasCi && !byHook && !byPush,
    mistaken(
      [...path, 'requires'],
      'nothing would tell when there is a new image: require a CI workflow, or configure sources.docker-hub for an image on Docker Hub, or sources.github with repository and a tag with {commit}',
    ),
  )
}

const checkRepository = (path: Path, app: AppFile): Findings => {
  if (app.repository !== undefined) return gather([])
  const needing = app.requires.find((entry) => entry !== 'image')
  return gather([
    when(
      needing !== undefined,
      mistaken([...path, 'repository'], 'is missing: whose is the workflow that requires names?'),
    ),
    when(
      app.reports.github !== undefined,
      mistaken([...path, 'reports', 'github'], 'needs repository: where shall it be reported?'),
    ),
  ])
}

const checkEnv = (path: Path, env: AppFile['env']): Findings =>
  gather(
    Object.entries(env).map(([name, value]) => {
      const assembled = assembleEnvironment({ env: { [name]: value }, secret: null })
      return assembled.ok
        ? gather([])
        : mistaken([...path, 'env', name], assembled.error.message, { ofKey: true })
    }),
  )

const checkTarget = (path: Path, target: TargetFile, app: AppFile): Findings => {
  const kinds = Object.keys(target)
  if (kinds.length !== 1)
    return mistaken(path, `a target is one of ec2, render and heroku, not ${kinds.length} of them`)
  return target.ec2 ? checkEc2([...path, 'ec2'], target.ec2, app) : gather([])
}

/** Two of EC2 that share instances are found by `check-addresses.ts`. */
const checkRepeated = (path: Path, { targets }: AppFile, index: number): Findings => {
  const target = targets[index]
  const what = target?.render ? (['render', 'service'] as const) : (['heroku', 'app'] as const)
  if (target === undefined || target.ec2 || (!target.render && !target.heroku)) return gather([])
  const first = targets.findIndex(
    ({ render, heroku }) =>
      (render && render.service === target.render?.service) ||
      (heroku && heroku.app === target.heroku?.app),
  )
  return when(
    first < index,
    mistaken(
      [...path, 'targets', index, ...what],
      `is where ${renderPath([...path, 'targets', first])} deploys to too; an app runs once in a place`,
    ),
  )
}

export const checkApp = (path: Path, app: AppFile, sources: CheckedSources): Findings =>
  gather([
    ...app.requires.map((_, index) => checkRequirement(path, app, index, sources)),
    checkRepository(path, app),
    checkWakening(path, app, sources),
    checkEnv(path, app.env),
    ...app.targets.map((_, index) => checkRepeated(path, app, index)),
    ...app.targets.map((target, index) => checkTarget([...path, 'targets', index], target, app)),
  ])
