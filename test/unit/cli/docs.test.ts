import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runAtFakeDesk } from '../../support/cli-desk.ts'

const page = readFileSync('docs/cli.md', 'utf8')
const readme = readFileSync('README.md', 'utf8')

/** `landfall rollback`, as it stands in code. */
const calls = (text: string): readonly string[] => [
  ...new Set(
    [...text.matchAll(/(?:^|`|npx |\()landfall ([a-z][a-z-]+)/gm)].map(([, verb = '']) => verb),
  ),
]

const helpOf = async (args: readonly string[]): Promise<string> =>
  (await runAtFakeDesk([...args, '--help'])).out

describe('docs/cli.md', () => {
  it('names every command, and no other', async () => {
    const help = await helpOf([])
    const [, list = ''] = help.split('\nCOMMANDS\n')
    const verbs = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, verb = '']) => verb)
    expect(verbs.length).toBeGreaterThan(12)
    const table = page.split('## Commands')[1]?.split('\n## ')[0] ?? ''
    const named = [...table.matchAll(/`([a-z-]+)(?: |`)/g)].map(([, verb = '']) => verb)
    expect(verbs.filter((verb) => !named.includes(verb))).toEqual([])
    const called = [...calls(page), ...calls(readme)]
    expect(called.filter((verb) => ![...verbs, 'redeploy'].includes(verb))).toEqual([])
  })

  it('names flags that a command has', async () => {
    const verbs = [
      'status',
      'history',
      'watch',
      'deploy',
      'rollback',
      'freeze',
      'renew-proxy',
      'doctor',
    ]
    const helps = await Promise.all([...verbs.map((verb) => [verb]), ['config', 'set']].map(helpOf))
    const flags = [...page.matchAll(/--[a-z][a-z-]+/g)].map(([flag]) => flag)
    expect(flags.length).toBeGreaterThan(20)
    expect(flags.filter((flag) => !helps.some((help) => help.includes(flag)))).toEqual([])
  })
})
