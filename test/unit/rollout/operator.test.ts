import { expect, it } from 'vitest'
import * as z from 'zod'
import { answerForAny, answerForApp, OperatorInput } from '../../../src/rollout/operator.ts'
import { appOf } from '../../support/apps.ts'

const mistakesOf = (input: object) =>
  OperatorInput.safeParse({ app: 'shop', ...input }).error?.issues.map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  ) ?? []

it('accepts any operator name of up to 100 characters', () => {
  expect(mistakesOf({ by: 'Ada L. Ω 漢 🙂', requestId: 'r-1' })).toEqual([])
  expect(mistakesOf({ by: 'x'.repeat(100) })).toEqual([])
  expect(mistakesOf({ by: 'x'.repeat(101) })).toHaveLength(1)
})

it.each([
  ['a line break', 'ada\nbob'],
  ['an escape sequence', '\u001B[31mada'],
  ['half a character', '\uD83D'],
])('refuses an operator name with %s', (_, by) => {
  expect(mistakesOf({ by })).toEqual(['by: must hold no control characters'])
})

const apps = [appOf('shop'), appOf('blog')]
const Any = z.strictObject({ app: z.string().optional() })

it('answers an input for the app that it names', async () => {
  const answer = answerForApp(
    OperatorInput,
    { app: 'blog' },
    () => ({ apps }),
    async (app, { by }) => [app, by],
  )
  expect(await answer).toEqual([apps[1], 'operator'])
})

it.each([
  ['blog', { app: 'blog' }, apps[1]],
  ['none', {}, null],
  ['none, as `sls invoke` without data hands it over,', '', null],
])('answers an input that names %s where the app is optional', async (_, input, expected) => {
  expect(
    await answerForAny(
      Any,
      input,
      () => ({ apps }),
      async (app) => app,
    ),
  ).toBe(expected)
})

it.each([
  ['names an unknown app', { app: 'shopp' }, 'app_unknown', /"shopp" is none of: shop, blog\./],
  ['has a misspelt key', { app: 'shop', apps: 'shop' }, 'input_invalid', /input: .*apps/],
  ['has a wrong value', { app: 7 }, 'input_invalid', /app: /],
])('refuses an input that %s', async (_, input, reason, message) => {
  const answer = async () => 'answered'
  for (const answered of [
    await answerForAny(Any, input, () => ({ apps }), answer),
    await answerForApp(OperatorInput, input, () => ({ apps }), answer),
  ]) {
    expect(answered).toMatchObject({ outcome: 'refused', reason })
    expect(typeof answered === 'string' ? answered : answered.message).toMatch(message)
  }
})

it('refuses an invalid input before any service is created', async () => {
  const load = () => {
    throw new Error('no services')
  }
  const answered = await answerForApp(OperatorInput, {}, load, async () => 'answered')
  expect(answered).toMatchObject({ outcome: 'refused', reason: 'input_invalid' })
})
