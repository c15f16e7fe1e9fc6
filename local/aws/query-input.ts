type Tree = { [name: string]: Tree | string }

const place = (tree: Tree, path: readonly string[], value: string): void => {
  const [head = '', ...rest] = path
  if (rest.length === 0) {
    tree[head] = value
    return
  }
  const existing = tree[head]
  const branch = typeof existing === 'object' ? existing : {}
  tree[head] = branch
  place(branch, rest, value)
}

const toValue = (tree: Tree | string): unknown => {
  if (typeof tree === 'string') return tree
  const names = Object.keys(tree)
  const only = tree['member']
  if (names.length === 1 && typeof only === 'object') return toValue(only)
  if (names.every((name) => /^\d+$/.test(name)))
    return names.toSorted((a, b) => Number(a) - Number(b)).map((name) => toValue(tree[name] ?? ''))
  return Object.fromEntries(Object.entries(tree).map(([name, branch]) => [name, toValue(branch)]))
}

/** `Filter.1.Value.2=x` and `AlarmNames.member.1=x` of the Query protocols as nested lists and objects. */
export const parseQueryInput = (form: URLSearchParams): unknown => {
  const tree: Tree = {}
  for (const [name, value] of form) place(tree, name.split('.'), value)
  return toValue(tree)
}
