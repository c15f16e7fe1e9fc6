import { expect, it } from 'vitest'
import { createLog } from '../../../src/kernel/log.ts'
import { createLogUrl } from '../../../src/report/log-url.ts'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { parseFilterPattern } from '../../support/filter-pattern.ts'
import { deploymentOf } from '../../support/reports.ts'
import { plainly } from '../../support/calls.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { pushGreen, tickOf } from '../../support/runs.ts'
import { keyAt } from '../../support/targets.ts'

/** What the page asks CloudWatch Logs for: its fragment is encoded twice, with `$` for `%`. */
const filterOf = (url: string): string => {
  const decode = (text: string) => decodeURIComponent(text.replaceAll('$', '%'))
  const [, pattern = ''] = decode(url.slice(url.indexOf('log-events'))).split('filterPattern=')
  return decodeURIComponent(pattern)
}

const runLogged = async (world: World, lines: string[]): Promise<void> => {
  const log = createLog({ function: 'reconcile' }, (line) => void lines.push(line))
  await createReconcile({ ...world.toPorts(plainly), log })(tickOf(world))
}

it('shows the commands, the answers and the end of a deployment on the page that a deployment links to', async () => {
  const app = { env: { KEY: 'hunter22' }, secrets: 'landfall/shop' }
  const world = createWorld({ instances: 1, app })
  const lines: string[] = []
  world.breakImage(2)
  for (const index of [1, 2]) {
    pushGreen(world, index)
    await runLogged(world, lines)
  }
  const toUrl = createLogUrl('eu-west-3', 'prod')
  const shownOf = (generation: number) => {
    const url = toUrl(world.app, deploymentOf(generation))
    const isFound = parseFilterPattern(filterOf(url))
    return lines.filter(isFound).map((line): unknown => JSON.parse(line))
  }
  const id = 'i-00000001'
  const all = { app: 'oc-lettings', target: keyAt(0) }
  const [first, second] = [
    { ...all, generation: 1 },
    { ...all, generation: 2 },
  ]
  const deployed = [{ id, outcome: 'succeeded', reason: 'deployed' }]
  expect(shownOf(1)).toMatchObject([
    { ...first, message: 'command sent', purpose: 'prepare', instances: [id], fence: 2 },
    { ...first, message: 'answers received', purpose: 'prepare', instances: deployed, fence: 2 },
    { ...first, message: 'command sent', purpose: 'deploy', instances: [id] },
    { ...first, message: 'answers received', purpose: 'deploy', instances: deployed },
    { app: 'oc-lettings', generation: 1, message: 'deployment ended', status: 'succeeded' },
  ])
  expect(shownOf(2)).toMatchObject([
    { ...second, message: 'command sent', purpose: 'deploy', instances: [id] },
    {
      ...second,
      message: 'answers received',
      instances: [{ id, outcome: 'failed', reason: 'unhealthy' }],
    },
    { generation: 2, message: 'deployment failed', reason: 'unhealthy' },
  ])
  expect(lines.join()).not.toContain('hunter22')
  expect(lines.join()).not.toContain('it says 500')
})
