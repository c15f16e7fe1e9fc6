import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { anchorsOf, linksOf, pages } from '../support/pages.ts'

const isBroken = (file: string, link: string): boolean => {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? file : join(dirname(file), path)
  if (!existsSync(target)) return true
  return anchor !== undefined && !anchorsOf(target).includes(anchor)
}

/** Code, configuration and pages: all that may name a page by its path from the root. */
const sources = globSync([
  '*',
  '.*',
  '{.ci,bench,docs,examples,handlers,host,local,packaging,src,test}/**/*',
]).filter((file) => file !== 'package-lock.json' && statSync(file).isFile())

describe('links', () => {
  it('the search for links finds the README, docs and examples', () => {
    const linking = pages.filter((file) => linksOf(file).length > 0)
    expect(linking).toEqual(
      expect.arrayContaining([
        'README.md',
        'ARCHITECTURE.md',
        'docs/sources.md',
        'docs/decisions/README.md',
        'examples/alarm-5xx/README.md',
      ]),
    )
  })

  it.each(pages)('the links of %s lead to a file and a heading in it', (file) => {
    expect(linksOf(file).filter((link) => isBroken(file, link))).toEqual([])
  })

  it('pages named by their path in code, configuration and pages exist', () => {
    const named = sources.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/(?<![\w/.])docs\/[\w/-]+\.md\b/g)].map(
        ([path]) => `${file}: ${path}`,
      ),
    )
    expect(named.length).toBeGreaterThan(30)
    expect(named.filter((one) => !existsSync(one.split(': ')[1] ?? ''))).toEqual([])
  })
})
