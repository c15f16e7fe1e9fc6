import { describe, expect, it } from 'vitest'
import { matchPattern } from '../../local/aws/event-pattern.ts'
import { parseQueryInput } from '../../local/aws/query-input.ts'
import { mergeOutput } from '../../local/ssm/output.ts'

const event = {
  source: 'aws.ssm',
  resources: ['arn:aws:cloudwatch:eu-west-3:1:alarm:a', 'arn:b'],
  detail: { status: 'Success', code: 3, name: 'landfall-prod-deploy-1', nothing: null },
}

describe('event patterns', () => {
  it.each<[string, unknown]>([
    ['an exact value', { source: ['aws.ec2', 'aws.ssm'] }],
    ['one element of a list', { resources: ['arn:b'] }],
    ['a nested field', { detail: { status: ['Success'] } }],
    ['null', { detail: { nothing: [null] } }],
    ['a prefix', { detail: { name: [{ prefix: 'landfall-prod-deploy-' }] } }],
    ['a suffix', { detail: { name: [{ suffix: '-1' }] } }],
    ['a wildcard', { detail: { name: [{ wildcard: 'landfall-*-deploy-*' }] } }],
    ['the case left aside', { detail: { status: [{ 'equals-ignore-case': 'SUCCESS' }] } }],
    ['anything but a list', { detail: { status: [{ 'anything-but': ['Failed', 'TimedOut'] }] } }],
    ['anything but a prefix', { detail: { name: [{ 'anything-but': { prefix: 'other' } }] } }],
    ['a range', { detail: { code: [{ numeric: ['>', 2, '<=', 3] }] } }],
    ['what is there', { detail: { code: [{ exists: true }] } }],
    ['what is not there', { detail: { other: [{ exists: false }] } }],
    ['one branch of $or', { source: ['aws.ssm'], $or: [{ a: ['b'] }, { detail: { code: [3] } }] }],
  ])('match %s', (_name, pattern) => {
    expect(matchPattern(pattern, event)).toBe(true)
  })

  it.each<[string, unknown]>([
    ['another value', { source: ['aws.ec2'] }],
    ['a number for its text', { detail: { code: ['3'] } }],
    ['a field that is not there', { detail: { other: ['x'] } }],
    [
      'anything but, of a field that is not there',
      { detail: { other: [{ 'anything-but': 'x' }] } },
    ],
    ['one of two keys', { source: ['aws.ssm'], detail: { status: ['Failed'] } }],
    ['no branch of $or', { $or: [{ a: ['b'] }, { detail: { code: [4] } }] }],
    ['a condition nobody knows', { source: [{ unheard: 'aws' }] }],
  ])('do not match %s', (_name, pattern) => {
    expect(matchPattern(pattern, event)).toBe(false)
  })
})

describe('forms of the Query protocols', () => {
  it('become lists and objects', () => {
    const form = new URLSearchParams(
      'Action=A&AlarmNames.member.1=a&AlarmNames.member.2=b&Filter.1.Name=n&Filter.1.Value.1=x&Filter.2.Name=m',
    )
    expect(parseQueryInput(form)).toEqual({
      Action: 'A',
      AlarmNames: ['a', 'b'],
      Filter: [{ Name: 'n', Value: ['x'] }, { Name: 'm' }],
    })
  })
})

describe('the output of a listing', () => {
  const title = '\n----------ERROR-------\n'

  it('holds both streams where they fit', () => {
    expect(mergeOutput('out', '')).toBe('out')
    expect(mergeOutput('', 'err')).toBe(`${title}err`)
    expect(mergeOutput('out', 'err')).toBe(`out${title}err`)
  })

  it.each([
    ['out', 3_000, 0],
    ['err', 0, 3_000],
    ['both', 3_000, 3_000],
    ['a long out beside a short err', 3_000, 100],
    ['a short out beside a long err', 100, 3_000],
  ])('cuts %s to 2,400 characters, each stream at its end', (_name, out, err) => {
    const merged = mergeOutput('o'.repeat(out), 'e'.repeat(err))
    expect(merged.length).toBeLessThanOrEqual(2_400)
    expect(merged.length).toBeGreaterThan(2_390)
    expect(merged.includes('---Output truncated---')).toBe(out > 2_000)
    expect(merged.includes('---Error truncated----')).toBe(err > 2_000)
  })
})
