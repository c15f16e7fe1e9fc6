import type { SettingsAnswer } from '../src/answers/status.ts'
import type { Files, RepositoryFinding } from './finding.ts'
import { lintCircleci } from './lint-circleci.ts'
import { lintGithub } from './lint-github.ts'
import { lintImage } from './lint-image.ts'
import { safe } from './text.ts'

/** What else than Landfall still deploys, as teams have it in their pipelines. */
const otherWays: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/appleboy\/ssh-action|\bssh\b[^\n]*\bdocker\b/, 'by ssh'],
  [/api\.render\.com\/(deploy|v1\/services)/, "by Render's API"],
  [/heroku\s+container:(push|release)|container:release/, 'by heroku container:release'],
]

const lintOtherWays = (files: Files): readonly RepositoryFinding[] =>
  [...files].flatMap(([file, text]) =>
    otherWays
      .filter(([pattern]) => file !== 'Dockerfile' && pattern.test(text))
      .map(([, what]) => ({
        level: 'warning' as const,
        what: file,
        message: `still deploys ${what}: both would deploy. docs/pipelines.md says which lines go`,
      })),
  )

const isPipeline = (file: string): boolean => file !== 'Dockerfile'

/** What in the team's own repository keeps a push from being deployed. */
export const lintRepository = (
  files: Files,
  apps: readonly SettingsAnswer[],
): readonly RepositoryFinding[] => {
  const pipelines = new Map([...files].filter(([file]) => isPipeline(file)))
  const found = apps.flatMap((app) =>
    app.requires.length === 0
      ? []
      : [
          ...lintGithub(pipelines, app),
          ...lintCircleci(pipelines, app),
          ...lintImage(pipelines, app),
        ],
  )
  const all = [...found, ...lintOtherWays(files)]
  return all.length > 0
    ? all
    : [
        {
          level: 'fine',
          what: 'repository',
          message: `${[...files.keys()].map((file) => safe(file, 100)).join(', ')}: nothing in the way`,
        },
      ]
}
