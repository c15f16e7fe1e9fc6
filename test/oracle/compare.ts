import { inspect } from 'node:util'
import { cover, renderCoverage } from './coverage.ts'
import { expected, type Expected } from './differences.ts'
import { minimise } from './minimise.ts'
import { newSide } from './new-side.ts'
import { oldSide } from './old-side.ts'
import { playStory } from './play.ts'
import { createStory, type Story } from './story.ts'
import { compareTraces, count, type Coverage, type Difference } from './trace.ts'

// `npx tsx test/oracle/compare.ts [count] [first seed]`: random stories against the frozen copy of the
// core and against src, compared at their ports. Each story is its seed's alone, so that one that
// differs is played again by `compare.ts 1 <seed>`. Ends with 1 on a difference that is not listed.

const write = (line: string): void => void process.stdout.write(`${line}\n`)

const differ = async (story: Story) => {
  const [old, fresh] = [await playStory(story, oldSide), await playStory(story, newSide)]
  const differences = compareTraces(old, fresh)
  const listed = differences.map((one) => ({
    ...one,
    listedAs: expected.find(({ covers }) => covers(one, { story, old, fresh })),
  }))
  return { old, differences: listed }
}

type Judged = Difference & { readonly listedAs: Expected | undefined }

const isUnlisted = ({ listedAs }: Judged): boolean => listedAs === undefined

const show = async (seed: number, story: Story): Promise<void> => {
  const smallest = await minimise(story, async (fewer) =>
    (await differ(fewer)).differences.some(isUnlisted),
  )
  write(`\nThe smallest story of seed ${seed} with a difference:`)
  write(inspect(smallest, { depth: null, breakLength: 110, maxArrayLength: null }))
  const { old, differences } = await differ(smallest)
  write(`Commands of the old side:\n  ${old.commands.join('\n  ')}`)
  for (const one of differences.filter(isUnlisted))
    write(`${one.section}, line ${one.at + 1}\n  old: ${one.old}\n  new: ${one.new}`)
}

const compareMany = async (stories: number, first: number): Promise<number> => {
  const coverage: Coverage = new Map()
  const listed: Coverage = new Map()
  const sections: Coverage = new Map()
  const unlisted: number[] = []
  let steps = 0
  const begun = performance.now()
  for (let seed = first; seed < first + stories; seed += 1) {
    const story = createStory(seed)
    const { old, differences } = await differ(story)
    steps += story.events.length
    cover(coverage, old)
    for (const difference of differences) {
      const entry = difference.listedAs
      if (entry === undefined) count(sections, difference.section)
      else count(listed, entry.why)
    }
    if (!differences.some(isUnlisted)) continue
    unlisted.push(seed)
    if (unlisted.length === 1) await show(seed, story)
  }
  const seconds = (performance.now() - begun) / 1000
  write(renderCoverage(coverage))
  for (const [why, times] of listed) write(`listed, ${times} times: ${why}`)
  write(
    `${stories} stories from seed ${first}, ${steps} steps, ${coverage.size} kinds of outcome, ` +
      `${unlisted.length} with unlisted differences, ${seconds.toFixed(1)} s`,
  )
  if (unlisted.length === 0) return 0
  write(`in: ${[...sections].map(([section, times]) => `${section} ${times}`).join(', ')}`)
  write(`first seeds: ${unlisted.slice(0, 20).join(' ')}`)
  return 1
}

const [stories = '1000', first = '1'] = process.argv.slice(2)
process.exitCode = await compareMany(Number(stories), Number(first))
