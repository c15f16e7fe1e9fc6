import { askedAgain, type Evidence } from '../../../src/deployment/revision.ts'
import { toInstant } from '../../../src/kernel/clock.ts'
import type { ForeignFailure } from '../../../src/kernel/foreign.ts'
import type { Commit, Digest } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import type { TagHint } from '../../../src/rollout/journal.ts'
import type { ImageRefusal } from '../../../src/deployment/revision.ts'
import type { ReconcilePorts } from '../../../src/rollout/ports.ts'
import type { Call } from '../calls.ts'
import { commitAt, digestAt, indexOf, originAt } from '../examples.ts'
import type { WorldClock } from './clock.ts'

/** The registry with its images and hints, and GitHub's API: what a revision is looked up at. */
export const createRegistry = (clock: WorldClock) => {
  const images = new Map<string, Digest>()
  const unlabelled = new Set<Digest>()
  const fetched: Digest[] = []
  const goneImages = new Set<string>()
  let registryTrouble: ImageRefusal | null = null
  let hint: TagHint | null = null
  let pushes = 0
  const atGithub = new Map<Commit, readonly Evidence[]>()
  const lookUps: { readonly commit: Commit; readonly at: number }[] = []
  let githubTrouble: ForeignFailure | null = null

  const findDigest = (tag: string) => {
    if (registryTrouble !== null) return fail(registryTrouble)
    const digest = images.get(tag) ?? [...images.values()].find((one) => one === tag)
    return digest === undefined
      ? fail({ reason: 'image_missing' as const, retryAfterSeconds: null })
      : succeed(digest)
  }

  const toPorts = (call: Call): Pick<ReconcilePorts, 'images' | 'tags' | 'findEvidence'> => ({
    images: {
      findDigest: (_app, tag) => call('findDigest', () => findDigest(tag)),
      findCommit: (_app, digest) =>
        call('findCommit', () => {
          fetched.push(digest)
          return succeed(unlabelled.has(digest) ? null : commitAt(indexOf(digest)))
        }),
      checkPlatforms: (_app, digest) =>
        call('checkPlatforms', () =>
          goneImages.size === 0
            ? []
            : ['amd64', 'arm64'].map((one, index) => {
                const image = { platform: `linux/${one}`, digest: digestAt(90 + index) }
                return { ...image, isGone: goneImages.has(`${digest} ${one}`) }
              }),
        ),
      findOrigin: (_app, digest) =>
        call('findOrigin', () => {
          fetched.push(digest)
          return unlabelled.has(digest) ? null : originAt(indexOf(digest))
        }),
    },
    tags: {
      load: () => call('tags.load', () => hint),
      recordAsked: (_app, one, { retryAfterSeconds }, at) =>
        call('tags.recordAsked', () => {
          if (hint?.pushes === one.pushes)
            hint = { ...one, asked: askedAgain(one.asked, at, retryAfterSeconds) }
        }),
      settle: (_app, one) =>
        call('tags.settle', () => {
          if (hint?.pushes === one.pushes) hint = null
        }),
    },
    findEvidence: (_app, commit) =>
      call('findEvidence', () => {
        lookUps.push({ commit, at: clock.now() })
        const found = githubTrouble === null ? (atGithub.get(commit) ?? []) : []
        return { found, failure: githubTrouble }
      }),
  })

  return {
    toPorts,
    controls: {
      pushImage: (index: number) => {
        images.set(commitAt(index), digestAt(index))
      },
      hasImage: (index: number) => images.has(commitAt(index)),
      /** The image under a tag that carries no commit. */
      moveTag: (index: number, tag = 'latest') => {
        images.set(tag, digestAt(index))
        images.set(`kept ${index}`, digestAt(index))
      },
      /** The registry's hook tells of it, to the second. */
      announceTag: (tag = 'latest') => {
        const seenAt = toInstant(new Date(Math.floor(clock.now() / 1000) * 1000))
        pushes += 1
        hint = { image: { kind: 'image', tag, seenAt, origin: null }, pushes, asked: null }
      },
      hint: () => hint,
      /** The image was built without the label that names its commit. */
      unlabel: (index: number) => {
        unlabelled.add(digestAt(index))
      },
      /** The image of the commit is an index, of which the registry has lost that for these machines. */
      losePlatform: (index: number, architecture: 'amd64' | 'arm64') => {
        goneImages.add(`${digestAt(index)} ${architecture}`)
      },
      findPlatforms: () => goneImages.clear(),
      /** The images whose label was read, each time it was. */
      fetched,
      setRegistryTrouble: (trouble: ImageRefusal | null) => {
        registryTrouble = trouble
      },
      /** What GitHub's API tells of a commit, whether or not a hook has brought it. */
      atGithub,
      /** When GitHub was asked about which commit. */
      lookUps,
      setGithubTrouble: (trouble: ForeignFailure | null) => {
        githubTrouble = trouble
      },
    },
  }
}
