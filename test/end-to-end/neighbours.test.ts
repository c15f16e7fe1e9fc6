import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { startStack, type Stack } from '../../local/stack/stack.ts'
import { expectDeployed, openStage, textLike, type Stage } from '../support/end-to-end.ts'

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

test('the next start replaces a proxy that another stack left on a port, unless that stack runs', async () => {
  const [first] = stages
  if (first === undefined) throw new Error('no stage')
  const proxy = `landfall-proxy-${first.port(names[0])}`
  const stateDirectory = mkdtempSync(join(tmpdir(), 'landfall-neighbours-'))
  const said: string[] = []
  const start = (): Promise<Stack> =>
    startStack({
      config: first.team.configuration,
      stateDirectory,
      apiPort: 0,
      awsPort: 0,
      registryPort: null,
      hasClock: false,
      say: (line) => said.push(line),
    })
  await expect(start()).rejects.toThrow(`${proxy} is another stack's. A local stack runs`)
  expect(await docker(['inspect', '--format', '{{.State.Running}}', proxy])).toBe('true\n')
  await first.team.stack.stop()
  const other = await start()
  expect(said).toContainEqual(textLike(`removing ${proxy}, which a stack`))
  await expect(docker(['inspect', proxy])).rejects.toThrow(/no such/i)
  await other.stop()
  rmSync(stateDirectory, { recursive: true })
})
