/** What the bytes say as JSON in UTF-8; undefined, which no JSON says, where they say nothing. */
export const readJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
