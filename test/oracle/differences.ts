import type { Story } from './story.ts'
import type { Difference, Trace } from './trace.ts'

interface Played {
  readonly story: Story
  readonly old: Trace
  readonly fresh: Trace
}

/** A difference that was expected before the comparison was run, and why it is right. */
export interface Expected {
  readonly why: string
  readonly covers: (difference: Difference, played: Played) => boolean
}

/** The order in which the blockers of an app are named now. */
const order = ['going_back', 'deployment_open', 'request_pending', 'app_frozen', 'quarantined']

const reasonsOf = (line: string | undefined): readonly string[] =>
  order.filter((reason) => line?.includes(`"${reason}"`) === true)

/** What a revision waits for besides, such as its image, is told once nothing blocks. */
const withoutReasons = (line: string | undefined): string | undefined =>
  order
    .reduce((text, reason) => text?.replaceAll(`"${reason}"`, '"…"'), line)
    ?.replaceAll(/"lacks":\[("image")?\],"reason":("[^"]*"|null)/g, '"lacks":…')

const instances = /"instances":\[(.*?)\],"converging"/

const withoutInstances = (line: string): string =>
  line.replace(instances, '"instances":…,"converging"')

const instancesOf = (line: string): readonly string[] =>
  (instances.exec(line)?.[1] ?? '').split(/(?<=\}),/).filter((one) => one !== '')

/** One entry a reason. */
export const expected: readonly Expected[] = [
  {
    why: 'one list of blockers in one order: what else blocks is the same, another one is named first',
    covers: ({ section, old, new: now }) =>
      (section === 'answers' || section === 'statuses') &&
      withoutReasons(old) === withoutReasons(now) &&
      reasonsOf(now).length > 0,
  },
  {
    why: 'a command that every instance has answered is not cancelled when its release gets another number',
    covers: ({ section }, { story, old, fresh }) => {
      const left = [...old.cancels]
      const isPartOfOld = fresh.cancels.every((line) => {
        const at = left.indexOf(line)
        if (at !== -1) left.splice(at, 1)
        return at !== -1
      })
      // Only a restored journal gives a number away twice.
      return (
        section === 'cancels' &&
        isPartOfOld &&
        left.every((line) => line.includes('deploy of')) &&
        story.events.some(({ what }) => what.kind === 'restore')
      )
    },
  },
  {
    why: 'instances of a target that the live release does not have are forgotten when it becomes live',
    covers: ({ section, old, new: now }) =>
      section === 'statuses' &&
      withoutInstances(old) === withoutInstances(now) &&
      instancesOf(now).every((one) => instancesOf(old).includes(one)),
  },
]
