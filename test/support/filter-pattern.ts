import * as z from 'zod'

// A filter pattern of CloudWatch Logs over JSON, as far as examples/alarm-5xx and the page of a deployment's
// log use it: one comparison or several that must all hold. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html

const comparison = /^\s*\$((?:\.[\w-]+|\[\d+\])+)\s*(=|!=)\s*(?:"([^"\\]*)"|([\w.*]+))\s*$/

const Branch = z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())])
const Leaf = z.union([z.string(), z.number().transform(String)])

const select = (event: unknown, selector: string): string | null => {
  let value = event
  for (const [, name, index] of selector.matchAll(/\.([\w-]+)|\[(\d+)\]/g)) {
    const branch = Branch.safeParse(value).data
    if (Array.isArray(branch)) value = index === undefined ? undefined : branch[Number(index)]
    else value = name === undefined ? undefined : branch?.[name]
  }
  return Leaf.safeParse(value).data ?? null
}

/** An asterisk stands for any text at the begin or the end; in the middle it is an asterisk. */
const isLike = (text: string, wanted: string): boolean => {
  const [begin, end] = [wanted.startsWith('*'), wanted.length > 1 && wanted.endsWith('*')]
  const term = wanted.slice(begin ? 1 : 0, end ? -1 : undefined)
  if (begin && end) return text.includes(term)
  if (begin) return text.endsWith(term)
  return end ? text.startsWith(term) : text === term
}

const parseComparison = (text: string): ((event: unknown) => boolean) => {
  const [, selector = '', operator, quoted, plain] = comparison.exec(text) ?? []
  const wanted = quoted ?? plain
  if (wanted === undefined) throw new Error(`not of the subset that is known here: ${text}`)
  return (event) => {
    const found = select(event, selector)
    return found !== null && isLike(found, wanted) === (operator === '=')
  }
}

/** Which lines a filter finds. What a selector leads to must be a string or a number. */
export const parseFilterPattern = (pattern: string): ((line: string) => boolean) => {
  const inner = /^\{(.*)\}$/.exec(pattern)?.[1]
  if (inner === undefined) throw new Error(`not of the subset that is known here: ${pattern}`)
  const comparisons = inner.split('&&').map(parseComparison)
  return (line) => {
    const event: unknown = JSON.parse(line)
    return comparisons.every((holds) => holds(event))
  }
}
