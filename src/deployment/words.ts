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

/** Bounds the words of instances: the first ones', the first failed one's among them, say enough. */
export const keepWords = (instances: readonly InstanceState[]): readonly InstanceState[] => {
  let worded = 0
  return instances.map((instance) => {
    if (instance.message === null) return instance
    worded += 1
    const message = worded > mostWorded ? null : cutWords(instance.message, mostWordedBytes)
    return { ...instance, message }
  })
}
