const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

const escape = (text: string): string => text.replace(/[&<>"]/g, (char) => escapes[char] ?? char)

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

/** Plain data as XML; a list's elements are called `member` (Query) or `item` (EC2). */
export const renderXml = (value: unknown, listElement: 'member' | 'item'): string => {
  if (value === undefined || value === null) return ''
  if (value instanceof Date) return value.toISOString()
  if (isScalar(value)) return escape(String(value))
  if (Array.isArray(value))
    return value
      .map((item) => `<${listElement}>${renderXml(item, listElement)}</${listElement}>`)
      .join('')
  if (typeof value !== 'object') return ''
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => `<${name}>${renderXml(field, listElement)}</${name}>`)
    .join('')
}
