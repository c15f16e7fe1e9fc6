import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (file: string): string => readFileSync(file, 'utf8')
const page = read('docs/first-contact.md')

const parts = page.split(/^## /m).map((text) => [text.split('\n')[0] ?? '', text] as const)
const steps = parts.filter(([title]) => /^\d+\. /.test(title))

describe('first contact', () => {
  it('first contact numbers its steps', () => {
    expect(steps.map(([title]) => Number.parseInt(title, 10))).toEqual(steps.map((_, at) => at + 1))
    expect(steps.length).toBeGreaterThan(10)
  })

  it.each(steps)('the step %s has a command, what to expect and what it proves', (_, text) => {
    expect(text).toMatch(/^```sh$/m)
    expect(text).toMatch(/^\*\*Expect\*\* /m)
    expect(text).toMatch(/\*\*Proves\*\*\s/)
  })

  it.each([
    ['/aws/vendedlogs/landfall-prod-api', 'packaging/api.yml'],
    ['landfall-prod-failed-nudges', 'packaging/watch.yml'],
  ])('first contact asks for %s, which the stack has', (name, file) => {
    expect(page).toContain(name)
    expect(read(file)).toContain(name.replace('prod', '${sls:stage}'))
  })

  it('first contact knows the most characters of a document', () => {
    const [, kibibytes = ''] =
      /mostDocumentCharacters = (\d+) \* 1024/.exec(read('src/targets/ec2/room.ts')) ?? []
    const characters = (Number(kibibytes) * 1024).toLocaleString('en')
    expect(page).toContain(`at most ${characters} characters`)
  })

  it('what plan proves by itself are findings that getting started lists', () => {
    const rows = (text: string) =>
      [...text.matchAll(/^\| (`[\w`, ]+?) +\|/gm)].flatMap(([, cell = '']) =>
        cell.split(', ').map((name) => name.replaceAll('`', '')),
      )
    const [, proves = ''] = parts.find(([title]) => title.startsWith('What `plan`')) ?? []
    const named = rows(proves)
    expect(named.length).toBeGreaterThan(8)
    expect(rows(read('docs/getting-started.md'))).toEqual(expect.arrayContaining(named))
  })
})
