import { isLoopback } from '../kernel/http.ts'
import { parseEcr } from '../registry/ecr.ts'
import { parseImage, type ImageAddress } from '../registry/image.ts'
import { assembleEnvironment } from '../secrets/environment.ts'
import { checkEc2 } from './check-ec2.ts'
import { mistaken, renderPath, warned, type Mistake, type Path } from './mistake.ts'
import type { AppFile, LandfallFile, TargetFile } from './schema.ts'

const checkRequirement = (
  path: Path,
  app: AppFile,
  index: number,
  sources: LandfallFile['sources'],
): readonly Mistake[] => {
  const entry = app.requires[index]
  if (entry === undefined || entry === 'image') return []
  const { ci, workflow } = entry
  const first = app.requires.findIndex(
    (other) => other !== 'image' && other.ci === ci && other.workflow === workflow,
  )
  const mistakes = [
    sources[ci] === undefined &&
      mistaken(
        [...path, 'requires', index, 'ci'],
        `requires ${ci}, but there is no sources.${ci}: add ${ci}: { secret: … } there`,
      ),
    first < index && mistaken([...path, 'requires', index], `requires ${ci} ${workflow} twice`),
    ci === 'circleci' &&
      /\.ya?ml$/i.test(workflow) &&
      warned(
        [...path, 'requires', index, 'workflow'],
        'looks like a file, but CircleCI has all workflows in one: use the name under workflows in .circleci/config.yml',
      ),
  ]
  return mistakes.flatMap((found) => found || [])
}

/** Without CI, something else must announce a new image. */
const checkAnnouncement = (
  path: Path,
  app: AppFile,
  sources: LandfallFile['sources'],
): readonly Mistake[] => {
  // A registry on this machine is for tests, where a person sends the hooks.
  const hasHooks = ({ host, origin }: ImageAddress) =>
    host === 'docker.io' || isLoopback(origin.hostname)
  const isAtEcr = parseEcr(parseImage(app.image).host) !== null
  if (app.requires.every((entry) => entry === 'image') && isAtEcr)
    return warned(
      [...path, 'image'],
      'is announced by an event of Amazon ECR, which reaches this stack from registries of its own account and region only',
    )
  const isAnnounced =
    app.requires.some((entry) => entry !== 'image') ||
    (sources['docker-hub'] !== undefined && hasHooks(parseImage(app.image))) ||
    (sources.github !== undefined && app.repository !== undefined && app.tag.includes('{commit}'))
  return isAnnounced
    ? []
    : mistaken(
        [...path, 'requires'],
        'nothing announces a new image: require a CI workflow, or configure sources.docker-hub for an image on Docker Hub, or keep it at Amazon ECR, or configure sources.github with repository and a tag with {commit}',
      )
}

const checkRepository = (path: Path, app: AppFile): readonly Mistake[] => {
  if (app.repository !== undefined) return []
  const hasWorkflow = app.requires.some((entry) => entry !== 'image')
  return [
    ...(hasWorkflow
      ? mistaken([...path, 'repository'], 'is missing: requires names a workflow of a repository')
      : []),
    ...(app.reports.github === undefined
      ? []
      : mistaken([...path, 'reports', 'github'], 'needs repository, to which it reports')),
  ]
}

const checkEnv = (path: Path, env: AppFile['env']): readonly Mistake[] =>
  Object.entries(env).flatMap(([name, value]) => {
    const assembled = assembleEnvironment({ env: { [name]: value }, secret: null })
    return assembled.ok ? [] : mistaken([...path, 'env', name], assembled.error.message, true)
  })

const checkTarget = (path: Path, target: TargetFile, app: AppFile): readonly Mistake[] => {
  const kinds = Object.keys(target)
  if (kinds.length !== 1)
    return mistaken(path, `must have one of ec2, render and heroku, not ${kinds.length} of them`)
  if (target.ec2) return checkEc2([...path, 'ec2'], target.ec2, app)
  return target.heroku?.process === 'release'
    ? mistaken(
        [...path, 'heroku', 'process'],
        'must not be release, the process type of the release phase: name its command as release',
      )
    : []
}

/** `check-addresses.ts` finds EC2 targets that share instances. */
const checkRepeated = (path: Path, { targets }: AppFile, index: number): readonly Mistake[] => {
  const target = targets[index]
  const what = target?.render ? (['render', 'service'] as const) : (['heroku', 'app'] as const)
  if (target === undefined || target.ec2 || (!target.render && !target.heroku)) return []
  const first = targets.findIndex(
    ({ render, heroku }) =>
      (render && render.service === target.render?.service) ||
      (heroku && heroku.app === target.heroku?.app),
  )
  return first < index
    ? mistaken(
        [...path, 'targets', index, ...what],
        `is the same ${what[1]} as in ${renderPath([...path, 'targets', first])}; remove one of the two targets`,
      )
    : []
}

const checkRealm = (path: Path, { image, registry }: AppFile): readonly Mistake[] => {
  const realm = typeof registry === 'object' ? registry.realm : undefined
  const isHere = realm !== undefined && isLoopback(new URL(realm).hostname)
  return isHere && !isLoopback(parseImage(image).origin.hostname)
    ? mistaken(
        [...path, 'registry', 'realm'],
        'is on this machine, and the registry is not: it is never asked',
      )
    : []
}

export const checkApp = (
  path: Path,
  app: AppFile,
  sources: LandfallFile['sources'],
): readonly Mistake[] => [
  ...app.requires.flatMap((_, index) => checkRequirement(path, app, index, sources)),
  ...checkRepository(path, app),
  ...checkAnnouncement(path, app, sources),
  ...checkEnv(path, app.env),
  ...checkRealm(path, app),
  ...app.targets.flatMap((_, index) => checkRepeated(path, app, index)),
  ...app.targets.flatMap((target, index) => checkTarget([...path, 'targets', index], target, app)),
]
