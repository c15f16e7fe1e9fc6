import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { buildDocument, documentKinds, packScript } from '../../../host/documents.ts'
import { mostDocumentCharacters } from '../../../src/targets/ec2/room.ts'

/** Runs a packed script as the agent does: `sh -c` on a file of mode 0700. */
const run = (script: string, path = process.env['PATH']) => {
  const file = join(mkdtempSync(join(tmpdir(), 'landfall-document-')), '_script.sh')
  writeFileSync(file, packScript(script), { mode: 0o700 })
  return spawnSync('/bin/sh', ['-c', file], {
    encoding: 'utf8',
    env: { PATH: path, SSM_App: "a b'c" },
  })
}

test('a packed script runs as bash, with its parameters, and ends with its own code', () => {
  const { stdout, status } = run(`set -euo pipefail
items=("$SSM_App" \${UNSET:-second})
trap 'echo trapped' EXIT
printf '[%s]\\n' "\${items[@]}"
exit 3`)
  expect({ stdout, status }).toEqual({ stdout: "[a b'c]\n[second]\ntrapped\n", status: 3 })
})

test('says what to install where it cannot be unpacked, in the words of every other answer', () => {
  const bin = mkdtempSync(join(tmpdir(), 'landfall-bin-'))
  const bash = spawnSync('bash', ['-c', 'ln -s "$(command -v bash)" "$(command -v env)" "$0"', bin])
  expect(bash.status).toBe(0)
  const { stdout, status } = run('echo never', bin)
  expect(status).toBe(1)
  expect(stdout).toMatch(/^landfall\/1 \{"outcome":"failed","reason":"tool_missing",.*gzip/)
})

test('says that bash is too old before anything runs that it could not read', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'landfall-document-')), '_script.sh')
  // The version itself cannot be set.
  const packed = packScript('echo never').replaceAll('BASH_VERSINFO', 'VERSION')
  writeFileSync(file, packed.replace('\n', '\nVERSION=(4 2)\n'), { mode: 0o700 })
  const { stdout, status } = spawnSync('/bin/sh', ['-c', file], { encoding: 'utf8' })
  expect(status).toBe(1)
  expect(stdout).toMatch(
    /^landfall\/1 \{"outcome":"failed","reason":"tool_missing",.*"bash 4\.4 or newer/,
  )
  expect(stdout.split('\n')).toHaveLength(2)
})

// What a change of host/ costs: `npx vitest run --project unit test/unit/host --reporter verbose`
const sizes = documentKinds.map(
  (kind) => [kind, Buffer.byteLength(buildDocument(kind, 'prod').content)] as const,
)
test.each(sizes)('%s takes %i bytes, which leave a command its room', (kind, bytes) => {
  // An envelope is sent with this one only.
  const most = kind === 'deploy' ? mostDocumentCharacters : 32 * 1024
  expect(bytes).toBeLessThanOrEqual(most)
})

const Content = z.object({
  parameters: z.record(z.string(), z.object({ allowedPattern: z.string() })),
})
const parameters = documentKinds.flatMap((kind) => {
  const content = Content.parse(JSON.parse(buildDocument(kind, 'prod').content))
  return Object.entries(content.parameters).map(
    ([name, { allowedPattern }]) => [kind, name, allowedPattern] as const,
  )
})

test.each(parameters)(
  '%s %s is limited by a pattern that Java and Go read alike',
  (_, name, pattern) => {
    expect(pattern.startsWith('^') && pattern.endsWith('$'), name).toBe(true)
    // Go's RE2 knows no look-around, no back-reference, no possessive quantifier, no repeat above 1000.
    expect(pattern).not.toMatch(/\(\?[=!<]|\\[1-9]|[+*?}]\+|\{\d{4,}/)
    expect(new RegExp(pattern).test('{{ssm:password}}')).toBe(false)
    expect(new RegExp(pattern).test('')).toBe(false)
  },
)

test.each([
  ['App', ['shop', 'oc-lettings'], ['Shop', '-shop', 'a', 'shop;id', 'shop\nid', '$(id)']],
  ['Owner', ['123456789012/eu-west-3/prod'], ['123/eu-west-3/prod', '123456789012/eu-west-3/']],
  ['NotAfter', ['1795182413'], ['-1', '1e9', 'soon']],
  ['Mode', ['deploy', 'restore'], ['deploys', 'remove']],
  ['Generation', ['0', '7'], ['-1', '1.5']],
  ['Fence', ['12'], ['12a']],
  ['Settings', ['Zm9ybWF0PTEA', 'Zg=='], ['a b', 'a-b', 'Zg===']],
  ['Envelope', ['-', 'MIIB'], ['--', 'MII B']],
])('%s takes what it is sent and nothing else', (name, good, bad) => {
  const pattern = parameters.find(([kind, one]) => kind === 'deploy' && one === name)?.[2] ?? 'x^'
  const matches = (text: string): boolean => new RegExp(pattern).test(text)
  expect(good.filter((text) => !matches(text))).toEqual([])
  expect(bad.filter(matches)).toEqual([])
})
