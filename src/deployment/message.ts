import type { InstanceState } from './deployment.ts'

/** What is said of a deployment in its head. */
export const mostMessageBytes = 1000
/** So many instances keep their words in the head; those of every instance stand in its steps. */
export const mostWorded = 10
export const mostWordedBytes = 300

export const jsonBytes = (value: unknown): number =>
  new TextEncoder().encode(JSON.stringify(value)).length

/** The longest beginning of a text that takes at most so many bytes in JSON, quotes aside. */
export const cutWords = (text: string, mostBytes: number): string => {
  if (jsonBytes(text) - 2 <= mostBytes) return text
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += jsonBytes(character) - 2
    if (bytes > mostBytes) return kept
    kept += character
  }
  return text
}

export const cutMessage = (message: string | null): string | null =>
  message === null ? null : cutWords(message, mostMessageBytes)

const isTrouble = ({ status }: InstanceState): boolean =>
  status !== 'succeeded' && status !== 'pending' && status !== 'unseen'

/** Bounds the words of instances: ten say enough, those that failed before those that did not. */
export const keepWords = (instances: readonly InstanceState[]): readonly InstanceState[] => {
  const worded = instances.filter(({ message }) => message !== null)
  const first = [...worded.filter(isTrouble), ...worded.filter((one) => !isTrouble(one))]
  const kept = new Set(first.slice(0, mostWorded))
  return instances.map((instance) => {
    if (instance.message === null) return instance
    const message = kept.has(instance) ? cutWords(instance.message, mostWordedBytes) : null
    return { ...instance, message }
  })
}
