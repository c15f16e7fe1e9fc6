import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { registries, triedAgainst } from '../support/registries.ts'

const page = readFileSync('docs/registries.md', 'utf8')

const pushes = {
  webhook: '[webhook](sources.md#docker-hub)',
  event: '[event](#amazon-ecr)',
} as const

const rows = page
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )

describe('docs/registries.md', () => {
  test('docs/registries.md has the registries that the tests run, and what stood in their place', () => {
    expect(rows).toEqual(
      registries.map(({ name, image, challenge, realm, push, tried }) => [
        name,
        `\`${image}\``,
        name === 'Amazon ECR'
          ? 'by the role'
          : challenge.startsWith('Basic')
            ? 'password'
            : 'token',
        realm === null ? '' : `\`${realm}\``,
        push === null ? '' : pushes[push],
        tried,
      ]),
    )
    for (const [word, meaning] of Object.entries(triedAgainst))
      expect(page.replaceAll(/\s+/g, ' ')).toContain(`_${word}_ is ${meaning}`)
  })

  test.each(registries)('a test shows what docs/registries.md says of $name', ({ test: shown }) => {
    const [file, title] = shown
    expect(readFileSync(file, 'utf8')).toContain(title.replace('%s', '$name'))
  })
})
