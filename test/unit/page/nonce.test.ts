import { expect, it } from 'vitest'
import { newNonce, newToken } from '../../../src/kernel/id.ts'
import { makeNonce, readNonce } from '../../../src/page/nonce.ts'

const id = newNonce()
const token = newToken()
const purpose = ['shop', 'rollback', '42', '41', 'null']
const nonce = makeNonce({ token, purpose }, id)

it('gives back the id of a form of this session', () => {
  expect(readNonce(nonce, { token, purpose })).toBe(id)
  expect(makeNonce({ token, purpose })).not.toBe(makeNonce({ token, purpose }))
})

it.each([
  ['another session', { token: newToken(), purpose }],
  ['another app', { token, purpose: ['site', ...purpose.slice(1)] }],
  ['another action', { token, purpose: ['shop', 'cancel', '42', '41', 'null'] }],
  ['another end', { token, purpose: ['shop', 'rollback', '42', '40', 'null'] }],
  ['words that join alike', { token, purpose: ['shop', 'rollback', '4', '241', 'null'] }],
])('gives back nothing for %s', (_, of) => {
  expect(readNonce(nonce, of)).toBeNull()
})

it.each(['', id, `${id}.`, `${newNonce()}.${nonce.split('.')[1]}`, `${nonce}a`, `${nonce}.x`])(
  'gives back nothing for a nonce that was not made: %s',
  (given) => {
    expect(readNonce(given, { token, purpose })).toBeNull()
  },
)
