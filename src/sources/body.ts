import type { Delivery } from './source.ts'

export const jsonType = 'application/json'
export const formType = 'application/x-www-form-urlencoded'

/**
 * The text that `payload` holds where the form is that one field, from the first byte to the last: what
 * begins as JSON is no form, and no form begins in the middle of a text.
 */
const readForm = (text: string): string | undefined => {
  const [, value] = /^payload=([^&]*)$/.exec(text) ?? []
  return value === undefined ? undefined : decodeURIComponent(value.replaceAll('+', ' '))
}

/**
 * What the bytes say as JSON in UTF-8, or as a form that holds JSON; undefined, which no JSON says, where
 * they say nothing. The content type is not signed. No bytes are both, so it can only be right or wrong.
 */
export const decodeBody = ({
  body,
  contentType,
}: Pick<Delivery, 'body' | 'contentType'>): unknown => {
  try {
    // A byte order mark is kept, and begins neither.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    return JSON.parse((contentType === formType ? readForm(text) : text) ?? '')
  } catch {
    return undefined
  }
}
