import { expect, test } from 'vitest'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { assembleEnvironment } from '../../../src/secrets/environment.ts'

const assemble = (secret: string | null, env = {}) =>
  assembleEnvironment({ env, secret: secret === null ? null : new Redacted(secret) })

const valuesOf = (assembled: ReturnType<typeof assemble>): Record<string, string> => {
  if (!assembled.ok) throw new Error(assembled.error.message)
  const { values } = assembled.value
  return Object.fromEntries([...values].map(([name, value]) => [name, value.reveal()]))
}

const messageOf = (assembled: ReturnType<typeof assemble>): string =>
  assembled.ok ? '' : assembled.error.message

test('lays the secret over env', () => {
  const assembled = assemble('{"B": "secret", "C": "secret"}', { A: 'env', B: 'env' })
  expect(valuesOf(assembled)).toEqual({ A: 'env', B: 'secret', C: 'secret' })
  expect(assembled).toMatchObject({ value: { secretNames: ['B', 'C'] } })
})

test.each([
  '5432',
  '0.25',
  '1.0',
  '1.10',
  '-0',
  '1e3',
  '1E400',
  '12345678901234567890',
  '0.1234567890123456789',
  'true',
  'false',
])('takes %s of a secret as it is written', (written) => {
  expect(valuesOf(assemble(`{"VALUE": ${written} }`))).toEqual({ VALUE: written })
})

test('gives an app without secret its env', () => {
  expect(valuesOf(assemble(null, { A: 'env' }))).toEqual({ A: 'env' })
})

test('takes __proto__ as a variable like any other', () => {
  expect(messageOf(assemble('{"__proto__": {"A": "planted"}}'))).toContain('"__proto__"')
  const assembled = assemble('{"__proto__": "kept"}')
  expect(assembled).toMatchObject({ ok: true, value: { secretNames: ['__proto__'] } })
})

test.each(['', 'hunter2', '"hunter2"', '["hunter2"]', 'null', '7'])(
  'refuses the secret %s, which is no JSON object',
  (text) => {
    expect(assemble(text)).toEqual({
      ok: false,
      error: { reason: 'secret_invalid', message: 'the secret is not a JSON object' },
    })
  },
)

test.each(['null', '{"IN": "hunter2"}', '["hunter2"]', '[7]'])(
  'refuses the value %s of a secret and names its key',
  (json) => {
    const message = messageOf(assemble(`{"GOOD": "hunter2", "BAD": ${json}}`))
    expect(message).toContain('"BAD"')
    expect(message).not.toContain('hunter2')
  },
)

test.each(['', '1ST', 'WITH SPACE', 'WITH-DASH', 'WITH=SIGN', 'É', 'LINE\nBREAK'])(
  'refuses the variable name %j',
  (name) => {
    expect(messageOf(assemble(JSON.stringify({ [name]: 'hunter2' })))).toBe(
      `${JSON.stringify(name)} is not a name for a variable`,
    )
    expect(assemble(null, { [name]: 'hunter2' }).ok).toBe(false)
  },
)

test('refuses a variable with NUL in its value', () => {
  const message = messageOf(assemble('{"KEY": "hunter2\\u0000more"}'))
  expect(message).toBe('the value of "KEY" holds a NUL character')
})

test.each([
  'PATH',
  'LD_PRELOAD',
  'BASH_ENV',
  'BASH_FUNC_docker',
  'DOCKER_HOST',
  'https_proxy',
  'IFS',
])(
  'takes the variable %s with one line and refuses it with several, which would steer docker',
  (name) => {
    expect(assemble(JSON.stringify({ [name]: 'one line' })).ok).toBe(true)
    for (const value of ['one\ntwo', 'one\r', '\n'])
      expect(messageOf(assemble(JSON.stringify({ [name]: value })))).toContain(`"${name}"`)
  },
)

test('takes an ordinary variable with several lines', () => {
  expect(valuesOf(assemble('{"TLS_KEY": "-----BEGIN\\nabc\\n"}'))).toEqual({
    TLS_KEY: '-----BEGIN\nabc\n',
  })
})

test('prints no value of an environment', () => {
  expect(JSON.stringify(assemble('{"KEY": "hunter2"}', { A: 'hunter2' }))).not.toContain('hunter2')
})
