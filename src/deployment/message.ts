import type { InstanceState } from './deployment.ts'
import { headLimits } from './head.ts'

const encoder = new TextEncoder()

export const jsonBytes = (value: unknown): number => encoder.encode(JSON.stringify(value)).length

export const joinMessages = (messages: readonly (string | null)[]): string | null =>
  messages.filter((message) => message !== null).join('; ') || null

/** The longest beginning of a text that takes at most so many bytes in JSON, quotes aside. */
const cutText = (text: string, mostBytes: number): string => {
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
  message === null ? null : cutText(message, headLimits.messageBytes)

/** Limits the messages of instances: those of failed instances are kept before others. */
export const limitMessages = (instances: readonly InstanceState[]): readonly InstanceState[] => {
  const isFailing = ({ status }: InstanceState): boolean =>
    status !== 'succeeded' && status !== 'pending' && status !== 'unseen'
  const speaking = instances.filter(({ message }) => message !== null)
  const first = [...speaking.filter(isFailing), ...speaking.filter((one) => !isFailing(one))]
  const kept = new Set(first.slice(0, headLimits.instanceMessages))
  return instances.map((instance) => {
    if (instance.message === null) return instance
    const message = kept.has(instance)
      ? cutText(instance.message, headLimits.instanceMessageBytes)
      : null
    return { ...instance, message }
  })
}
