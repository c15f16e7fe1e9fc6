import { describe, expect, test } from 'vitest'
import { parseFilterPattern } from '../support/filter-pattern.ts'

/** The event and the filters of AWS's user guide (Matching terms in JSON log events). */
const documented = JSON.stringify({
  eventType: 'UpdateTrail',
  sourceIPAddress: '111.111.111.111',
  arrayKey: ['value', 'another value'],
  objectList: [
    { name: 'a', id: 1 },
    { name: 'b', id: 2 },
  ],
  SomeObject: null,
  ThisFlag: true,
})

describe('a filter pattern over JSON', () => {
  test.each([
    '{ $.eventType = "UpdateTrail" }',
    '{ $.sourceIPAddress != 123.123.* }',
    '{ $.arrayKey[0] = "value" }',
    '{ $.objectList[1].id = 2 }',
    '{ $.eventType = "UpdateTrail" && $.objectList[1].id = 2 }',
  ])('%s matches the documented event', (pattern) => {
    expect(parseFilterPattern(pattern)(documented)).toBe(true)
  })

  test.each([
    '{ $.eventType = "updatetrail" }',
    '{ $.eventType = "Update" }',
    '{ $.sourceIPAddress = 123.123.* }',
    '{ $.arrayKey[0] = "another value" }',
    '{ $.eventType[0] = "UpdateTrail" }',
    '{ $.objectList[0].id = 2 }',
    '{ $.eventType = "UpdateTrail" && $.objectList[0].id = 2 }',
    '{ $.eventType = "CreateTrail" && $.objectList[1].id = 2 }',
  ])('%s does not', (pattern) => {
    expect(parseFilterPattern(pattern)(documented)).toBe(false)
  })

  test.each(['{ $.arrayKey = 1 }', '{ $.arrayKey != 1 }'])(
    '%s is not applied to a list, whatever is asked',
    (pattern) => {
      expect(parseFilterPattern(pattern)(documented)).toBe(false)
    },
  )

  test.each([
    ['*Event', ['PutEvent', 'GetEvent'], ['EventId']],
    ['Event*', ['EventId', 'EventName'], ['PutEvent']],
    ['Ev*ent', ['Ev*ent'], ['Event', 'Evil ent']],
    ['*', ['EventId', ''], []],
  ])('"%s" is at the begin or the end any text, and else an asterisk', (term, good, bad) => {
    const matches = parseFilterPattern(`{ $.name = "${term}" }`)
    const isMatched = (name: string): boolean => matches(JSON.stringify({ name }))
    expect(good.filter((name) => !isMatched(name))).toEqual([])
    expect(bad.filter(isMatched)).toEqual([])
  })

  test('that is not known here is an error, not a pattern that matches nothing', () => {
    expect(() => parseFilterPattern('{ $.a = 1 || $.b = 2 }')).toThrow('not of the subset')
    expect(() => parseFilterPattern('ERROR')).toThrow('not of the subset')
  })
})
