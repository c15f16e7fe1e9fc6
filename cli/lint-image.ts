import type { SettingsAnswer } from '../src/answers/status.ts'
import type { Files, RepositoryFinding } from './finding.ts'
import { safe } from './text.ts'

/** The steps that push an image. */
const pushes =
  /docker\/build-push-action|docker\/bake-action|\bdocker\s+(image\s+)?push\b|--push\b|docker-build\b|docker\/publish\b/

/** The whole commit, as GitHub and CircleCI name it. */
const fullCommit =
  /\$\{\{\s*github\.sha\s*\}\}|\$\{?GITHUB_SHA\b(?!:)|\$\{?CIRCLE_SHA1\b(?!:)|<<\s*pipeline\.git\.revision\s*>>|git rev-parse HEAD/
const shortCommit =
  /\$\{(GITHUB_SHA|CIRCLE_SHA1):0?:?\d|git rev-parse --short|short[_-]sha|SHORT_SHA|cut -c\s*1?-\d/i
/** A line of docker/metadata-action. */
const metadataSha = /^\s*-?\s*type=sha\b(.*)$/gm

/** What docker/metadata-action makes of the commit; null where it makes nothing of it. */
const judgeMetadataTag = (text: string): 'full' | 'short' | 'prefixed' | null => {
  const [first] = [...text.matchAll(metadataSha)].map(([, options = '']) => options)
  if (first === undefined) return null
  if (!/\bformat=long\b/.test(first)) return 'short'
  return /\bprefix=(,|\s|$)/.test(first) ? 'full' : 'prefixed'
}

const judgeTag = (text: string): 'full' | 'short' | 'prefixed' | 'none' => {
  const metadata = judgeMetadataTag(text)
  if (metadata !== null && metadata !== 'full') return fullCommit.test(text) ? 'full' : metadata
  if (metadata === 'full' || fullCommit.test(text)) return 'full'
  return shortCommit.test(text) ? 'short' : 'none'
}

const mistakes = {
  short: 'pushes the image under a shortened commit; Landfall looks for all 40 characters',
  prefixed: 'pushes the image as sha-<commit>: add prefix= to type=sha,format=long',
  none: 'pushes the image under no full commit: use ${{ github.sha }} or $CIRCLE_SHA1 as its tag',
} as const

/** A service runs amd64; what an instance is, `plan` knows. */
const armOnly =
  /platforms?[:=]\s*["']?linux\/arm64["']?\s*$|--platform[= ]linux\/arm64\b|runs-on:\s*\S*-arm\b|resource_class:\s*arm\./m

const lintPlatform = (
  file: string,
  text: string,
  { targets }: SettingsAnswer,
): readonly RepositoryFinding[] => {
  if (!armOnly.test(text) || /linux\/amd64/.test(text)) return []
  const service = targets.find((target) => /^(render|heroku):/.test(target))
  return [
    service === undefined
      ? {
          level: 'warning',
          what: file,
          message:
            'builds for arm64 alone: an instance of another kind cannot run it. landfall plan names the instances',
        }
      : {
          level: 'problem',
          what: file,
          message: `builds for arm64 alone, and ${safe(service, 80)} runs amd64`,
        },
  ]
}

/** Whether the image is pushed under the tag that the app's revisions are looked for. */
export const lintImage = (files: Files, app: SettingsAnswer): readonly RepositoryFinding[] => {
  const pushing = [...files].filter(([, text]) => pushes.test(text))
  if (pushing.length === 0)
    return files.size === 0
      ? []
      : [
          {
            level: 'warning',
            what: app.app,
            message: `no file of the pipeline pushes ${safe(app.image, 200)}`,
          },
        ]
  const platforms = pushing.flatMap(([file, text]) => lintPlatform(file, text, app))
  // Under another tag the image's label names the commit.
  if (app.tag !== '{commit}') return platforms
  const judged = pushing.map(([file, text]) => [file, judgeTag(text)] as const)
  if (judged.some(([, tag]) => tag === 'full')) return platforms
  return [
    ...platforms,
    ...judged.flatMap(([file, tag]) =>
      tag === 'full' ? [] : [{ level: 'problem' as const, what: file, message: mistakes[tag] }],
    ),
  ]
}
