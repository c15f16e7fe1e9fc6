import { Violation, type Answer } from '../base/vendor.ts'

interface Range<Field> {
  readonly field: Field
  readonly from: string
  /** Whether the page begins after `from`. */
  readonly isAfter: boolean
  readonly max: number
  readonly isDescending: boolean
}

const defaultMax = 200
const mostMax = 1000

/**
 * `version ..; max=2, order=desc`. A list that no range is named for is ordered by id, which says nothing
 * about age.
 */
const parseRange = <Field extends string>(
  header: string,
  fields: readonly Field[],
): Range<Field> => {
  const refuse = (): never => {
    throw new Violation(`the range ${header} is not one of Heroku's`, 416)
  }
  const [, named = '', after, from = '', rest = ''] =
    /^(\w+) (\]?)([\w-]*)\.\.(?:[;,] ?(.+))?$/.exec(header) ?? refuse()
  const parameters = new Map<string, string>()
  for (const pair of rest.split(/[;,] ?/).filter(Boolean)) {
    const [, key = '', value = ''] = /^(max|order)=(\d+|asc|desc)$/.exec(pair) ?? refuse()
    parameters.set(key, value)
  }
  const field = fields.find((one) => one === named) ?? refuse()
  const max = Number(parameters.get('max') ?? defaultMax)
  const order = parameters.get('order') ?? 'asc'
  if (!(max >= 1 && max <= mostMax) || !['asc', 'desc'].includes(order)) refuse()
  return { field, from, isAfter: after === ']', max, isDescending: order === 'desc' }
}

/** The page of a list that a range names: 206 and the next page's range where there is more. */
export const toPage = <Field extends string>(
  items: readonly Readonly<Record<Field, string | number>>[],
  header: string,
  fields: readonly Field[],
): Answer => {
  const { field, from, isAfter, max, isDescending } = parseRange(header, fields)
  const compare = (one: string | number, other: string | number): number =>
    (typeof one === 'number' ? one - Number(other) : one < String(other) ? -1 : 1) *
    (isDescending ? -1 : 1)
  const left = items
    .toSorted((one, other) => compare(one[field], other[field]))
    .filter((item) => {
      if (from === '') return true
      return String(item[field]) === from ? !isAfter : compare(item[field], from) > 0
    })
  const body = left.slice(0, max)
  const [first, last] = [body[0]?.[field] ?? '', body.at(-1)?.[field] ?? '']
  const order = isDescending ? 'desc' : 'asc'
  const headers = {
    'accept-ranges': fields.join(', '),
    'content-range': `${field} ${first}..${last}`,
  }
  if (left.length <= max) return { status: 200, headers, body }
  const next = `${field} ]${last}..; max=${max}, order=${order}`
  return { status: 206, headers: { ...headers, 'next-range': next }, body }
}
