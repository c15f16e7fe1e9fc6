import { describe, expect, it } from 'vitest'
import { acceptedSecrets, SentEpochSeconds, SentInstant } from '../../../src/sources/source.ts'
import { secretsOf } from '../../support/receiving.ts'

const rotatedAt = '2026-11-20T10:00:00.000Z'

describe('acceptedSecrets', () => {
  it.each([
    ['at the rotation', '2026-11-20T10:00:00.000Z', ['new', 'old']],
    ['a millisecond before a day is over', '2026-11-21T09:59:59.999Z', ['new', 'old']],
    ['when the day is over', '2026-11-21T10:00:00.000Z', ['new']],
    ['where the own clock is behind', '2026-11-20T09:59:00.000Z', ['new', 'old']],
  ])('accepts the right secrets %s: %s', (_when, now, accepted) => {
    expect(acceptedSecrets(secretsOf('new', 'old', rotatedAt), now)).toEqual(accepted)
  })

  it('stops accepting the previous secret when its label is removed', () => {
    expect(acceptedSecrets(secretsOf('new', null, rotatedAt), rotatedAt)).toEqual(['new'])
  })

  it('never accepts an empty secret', () => {
    expect(acceptedSecrets(secretsOf('', '', rotatedAt), rotatedAt)).toEqual([])
  })

  it('accepts only the current secret where its creation time cannot be read', () => {
    expect(acceptedSecrets(secretsOf('new', 'old', 'once'), rotatedAt)).toEqual(['new'])
  })
})

describe('times of senders', () => {
  it('stores times in UTC', () => {
    expect(SentInstant.parse('2026-11-20T12:00:00+02:00')).toBe('2026-11-20T10:00:00.000Z')
    expect(SentEpochSeconds.parse(1_417_566_161.5)).toBe('2014-12-03T00:22:41.500Z')
  })

  it.each([
    // In UTC these years have a sign and six digits, which cannot be read back.
    '0000-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '1969-12-31T23:59:59Z',
    '2100-01-01T00:00:01Z',
    '2026-02-30T10:00:00Z',
    '2026-11-20T10:00:00+24:00',
    '2026-11-20',
    'now',
    '',
  ])('refuses the time %j', (text) => {
    expect(SentInstant.safeParse(text).success).toBe(false)
  })

  it('accepts times from 1970 to 2100', () => {
    expect(SentInstant.parse('1970-01-01T01:00:00+01:00')).toBe('1970-01-01T00:00:00.000Z')
    expect(SentInstant.parse('2100-01-01T00:00:00Z')).toBe('2100-01-01T00:00:00.000Z')
    expect(SentEpochSeconds.parse(0)).toBe('1970-01-01T00:00:00.000Z')
    expect(SentEpochSeconds.parse(4_102_444_800)).toBe('2100-01-01T00:00:00.000Z')
    expect(SentEpochSeconds.safeParse(4_102_444_801).success).toBe(false)
  })

  it.each([-1, 1e15, Number.NaN, Infinity])('refuses %s seconds as a time', (seconds) => {
    expect(SentEpochSeconds.safeParse(seconds).success).toBe(false)
  })
})
