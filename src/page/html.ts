import { toPlainLine } from '../kernel/plain-line.ts'

const markup = Symbol('markup')

/** Markup that `html` made; nothing that was read or received is one. */
export interface Html {
  readonly [markup]: string
}

type HtmlPart = string | number | Html | null | false | readonly HtmlPart[]

const htmlEntities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Every text is a stranger's: one line without terminal sequences and bidi characters, and no markup. */
const escapeText = (text: string): string =>
  toPlainLine(text).replaceAll(/[&<>"']/g, (character) => htmlEntities[character] ?? '')

const renderPart = (part: HtmlPart): string => {
  if (part === null || part === false) return ''
  if (typeof part === 'string') return escapeText(part)
  if (typeof part === 'number') return String(part)
  return markup in part ? part[markup] : part.map(renderPart).join('')
}

/** White space that no browser shows. */
const aroundBlocks =
  /\s*(<\/?(?:li|[uo]l|p|section|h\d|d[ldt]|form|details|summary|main)\b[^<>]*>)\s*/g

/** The template's own white space is there for who reads the code. */
const tighten = (text: string): string =>
  text.replaceAll(aroundBlocks, '$1').replaceAll(/\s+/g, ' ')

/** A template whose texts are escaped, also inside of quoted attributes; there is no way around it. */
export const html = (texts: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html => ({
  [markup]: texts.map((text, at) => tighten(text) + renderPart(parts[at] ?? null)).join(''),
})

/** Inside of `<pre>`. */
export const lineBreak: Html = { [markup]: '\n' }

export const toMarkup = (page: Html): string => page[markup]

/** An address elsewhere that a link may have; null for any other scheme. */
export const toHref = (url: string | null): string | null =>
  url !== null && /^https:\/\/[\w.-]+\//.test(url) ? url : null
