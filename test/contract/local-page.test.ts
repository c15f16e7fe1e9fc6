import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startTestAws } from '../support/local-aws.ts'

/** The rows of the table below a heading of local/aws/README.md, cell by cell. */
const readRows = (heading: string): readonly (readonly string[])[] => {
  const page = readFileSync('local/aws/README.md', 'utf8')
  const [, section = ''] = page.split(`\n## ${heading}\n`)
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}

const tests = new Map(
  globSync('test/contract/local-*.test.ts').map((path) => [
    basename(path, '.test.ts'),
    readFileSync(path, 'utf8'),
  ]),
)

describe('local/aws/README.md', () => {
  const operations = readRows('Operations').map(([service = '', names = '', file = '']) => ({
    service,
    names: names.split(', '),
    text: tests.get(file) ?? '',
  }))

  it('lists every operation that the emulator answers, and no other', async () => {
    const local = await startTestAws()
    const listed = operations
      .filter(({ service }) => service !== 'dynamodb' && service !== 'lambda')
      .flatMap(({ service, names }) => names.map((name) => `${service} ${name}`))
    expect(listed.toSorted()).toEqual(local.aws.operations.toSorted())
    await local.stop()
  })

  it('names a contract test that calls each operation through the SDK', () => {
    const uncalled = operations.flatMap(({ names, text }) =>
      names.filter(
        (name) => !new RegExp(`new ${name.replace('Item', '')}(Item)?Command\\(`).test(text),
      ),
    )
    expect(uncalled).toEqual([])
  })

  it('names a contract test of each behaviour, by its title', () => {
    const rows = readRows('Behaviour')
    expect(rows.length).toBeGreaterThan(20)
    const untested = rows.filter(
      ([, behaviour = '', file = '']) => !tests.get(file)?.includes(`'${behaviour}'`),
    )
    expect(untested).toEqual([])
  })

  it('lists every difference that a test shows, and no other', () => {
    const shown = (tests.get('local-differences') ?? '')
      .split(/^describe\('the local /m)
      .slice(1)
      .flatMap((block) => {
        const service = block.slice(0, block.indexOf("'"))
        return [...block.matchAll(/^ {2}it\('(.+)', async/gm)].map(([, title]) => [service, title])
      })
    expect(shown.length).toBeGreaterThan(15)
    const listed = readRows('Not imitated').map(([service, title]) => [service, title])
    expect(listed).toEqual(shown)
  })
})
