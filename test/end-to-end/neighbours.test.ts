import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { expectDeployed, openStage, type Stage } from '../support/end-to-end.ts'

// Two local stacks on one engine, which know nothing of each other.

const names = ['e2e-near', 'e2e-far'] as const
const stages: Stage[] = []
beforeAll(async () => {
  for (const name of names) stages.push(await openStage({ apps: { [name]: {} } }))
})
afterAll(async () => {
  for (const stage of stages) await stage.close()
})

const addressOf = async (container: string): Promise<string> => {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  return (await docker(['inspect', '--format', format, container])).trim()
}

test('two stacks on one engine deploy at the same time, to addresses of their own', async () => {
  const deployed = await Promise.all(
    stages.map((stage, index) => stage.release(names[index] ?? '', `of ${index}`)),
  )
  deployed.forEach((deployment) => expectDeployed(deployment))
  expect(await Promise.all(stages.map((stage, index) => stage.ask(names[index] ?? '')))).toEqual([
    'of 0',
    'of 1',
  ])
  const addresses = await Promise.all(names.map((name) => addressOf(`landfall-${name}.1`)))
  expect(new Set(addresses).size).toBe(2)
})
