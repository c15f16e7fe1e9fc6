import { expect, it } from 'vitest'
import { OperatorInput } from '../../../src/compose/operate.ts'

const mistakesOf = (input: object) =>
  OperatorInput.safeParse({ app: 'shop', ...input }).error?.issues.map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  ) ?? []

it('an operator may be called by any name of up to 100 characters', () => {
  expect(mistakesOf({ by: 'Ada L. Ω 漢 🙂', requestId: 'r-1' })).toEqual([])
  expect(mistakesOf({ by: 'x'.repeat(100) })).toEqual([])
  expect(mistakesOf({ by: 'x'.repeat(101) })).toHaveLength(1)
})

it.each([
  ['a line break', 'ada\nbob'],
  ['an escape sequence', '\u001B[31mada'],
  ['half a character', '\uD83D'],
])('the name of an operator with %s is refused', (_, by) => {
  expect(mistakesOf({ by })).toEqual(['by: must hold no control characters'])
})
