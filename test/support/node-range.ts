type Version = readonly number[]

const parse = (text: string): Version => text.split('.').filter(Boolean).map(Number)

/** Of what `bound` names: `22` says nothing about the minor version. */
const compare = (version: Version, bound: Version): number => {
  for (const [at, part] of bound.entries()) {
    const difference = (version[at] ?? 0) - part
    if (difference !== 0) return difference
  }
  return 0
}

const meets = (version: Version, comparator: string): boolean => {
  const [, operator = '', text = ''] = /^(\^|~|>=|<=|>|<|=?)v?([\d.]*)/.exec(comparator) ?? []
  const bound = parse(text.replace(/\.$/, ''))
  const order = compare(version, bound)
  if (operator === '>=') return order >= 0
  if (operator === '<=') return order <= 0
  if (operator === '>') return order > 0
  if (operator === '<') return order < 0
  if (operator === '^') return order >= 0 && version[0] === bound[0]
  if (operator === '~') return order >= 0 && compare(version, bound.slice(0, 2)) === 0
  return order === 0
}

/** Whether `engines.node` of a package allows a Node, as npm reads it (no prereleases, no `a - b`). */
export const allows = (range: string, version: string): boolean =>
  range
    .replaceAll(/([<>=^~]) +/g, '$1')
    .replaceAll(/\.?[x*]/g, '')
    .split('||')
    .some((all) =>
      all
        .trim()
        .split(/\s+/)
        .every((one) => meets(parse(version), one)),
    )
