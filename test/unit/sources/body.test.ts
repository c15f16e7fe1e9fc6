import { describe, expect, it } from 'vitest'
import { formType, jsonType, decodeBody } from '../../../src/sources/body.ts'

const read = (body: string | Uint8Array, contentType: string): unknown =>
  decodeBody({ body: Buffer.from(body), contentType })

const value = { title: 'a & b = c + d; 100 % é', list: [null, 1] }
const json = JSON.stringify(value)
const form = `payload=${encodeURIComponent(json)}`

describe('decodeBody', () => {
  it('reads JSON, with the spaces that JSON allows around it', () => {
    expect(read(json, jsonType)).toEqual(value)
    expect(read(`\r\n\t ${json} \n`, jsonType)).toEqual(value)
  })

  it.each([
    ['with %20 for a space', form],
    ['with + for a space', form.replaceAll('%20', '+')],
    ['as the browser writes it', new URLSearchParams({ payload: json }).toString()],
    ['with nothing encoded that need not be', 'payload={"title":"a","list":[]}'],
  ])('reads a form of one field %s', (_what, text) => {
    expect(read(text, formType)).toHaveProperty('title')
  })

  it.each([
    ['JSON', json],
    ['JSON after spaces', ` ${json}`],
    ['JSON with a form in it', JSON.stringify({ title: `x&${form}&y=` })],
    ['JSON with a form at the end', `${json}&${form}`],
    ['nothing', ''],
    ['a field of another name', `x=${encodeURIComponent(json)}`],
    ['another case', form.replace('payload', 'Payload')],
    ['an encoded name', form.replace('p', '%70')],
    ['the name alone', 'payload'],
    ['an empty payload', 'payload='],
    ['a field before', `x=1&${form}`],
    ['an empty field before', `&${form}`],
    ['a space before', ` ${form}`],
    ['a line break before', `\n${form}`],
    ['a byte order mark before', `\uFEFF${form}`],
    ['a field after', `${form}&x=1`],
    ['an empty field after', `${form}&`],
    ['the field twice', `${form}&${form}`],
    ['a payload that is no JSON', 'payload=x'],
    ['a payload that is encoded twice', `payload=${encodeURIComponent(form)}`],
    ['an escape that is none', `${form}%2`],
    ['bytes that are no UTF-8', Buffer.from([...Buffer.from(form), 0xff])],
    ['escaped bytes that are no UTF-8', 'payload=%22%FF%22'],
  ])('reads no form from %s', (_what, body) => {
    expect(read(body, formType)).toBeUndefined()
  })

  it.each([
    ['a form', form],
    ['nothing', ''],
    ['a byte order mark before JSON', `\uFEFF${json}`],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['two values', `${json}${json}`],
  ])('reads no JSON from %s', (_what, body) => {
    expect(read(body, jsonType)).toBeUndefined()
  })
})
