import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StateValue } from '@aws-sdk/client-cloudwatch'
import { expect } from 'vitest'
import * as z from 'zod'
import { docker } from '../../local/docker/docker.ts'
import { createAlarm } from '../../local/team/alarm.ts'
import { containersOf, scanJournal, waitUntilQuiet, type Stage } from './end-to-end.ts'
import { waitFor } from './wait.ts'

export interface Alarms {
  set(name: string, state: StateValue): Promise<void>
  /** From OK to ALARM; when that was, in milliseconds, by the alarm's own clock. */
  fire(name: string): Promise<number>
}

/** Makes these alarms, content so far. */
export const createAlarms = async (stage: Stage, names: readonly string[]): Promise<Alarms> => {
  const alarms = await Promise.all(names.map((name) => createAlarm(stage.team, name)))
  const find = (name: string) => {
    const found = alarms.find((alarm) => alarm.name === name)
    if (found === undefined) throw new Error(`no alarm ${name}`)
    return found
  }
  return {
    set: (name, state) => find(name).set(state),
    fire: async (name) => {
      await find(name).set('OK')
      await find(name).set('ALARM')
      return find(name).readSince()
    },
  }
}

const Judged = z.looseObject({
  sk: z.string(),
  at: z.string(),
  from: z.string().nullable(),
  verdict: z.looseObject({ kind: z.string() }),
})
export type Judged = z.infer<typeof Judged>

/** What the journal says was made of each alarm of the app, in the order of time. */
export const listJudged = async (stage: Stage, app: string): Promise<readonly Judged[]> =>
  (await scanJournal(stage))
    .filter(({ pk, sk }) => pk === `audit#${app}` && String(sk).startsWith('alarm#'))
    .map((item) => Judged.parse(item))
    .toSorted((one, other) => one.sk.localeCompare(other.sk))

/** The verdict on the app's alarm of this number, counted from 1, once it was judged. */
export const waitForVerdict = async (
  stage: Stage,
  app: string,
  number: number,
): Promise<Judged['verdict'] | undefined> => {
  const isJudged = async () => (await listJudged(stage, app)).length >= number
  await waitFor(`alarm ${number} of ${app} is judged`, isJudged)
  return (await listJudged(stage, app))[number - 1]?.verdict
}

/** The minute is over: every app is looked at, and so are its alarms. */
export const tick = ({ team }: Stage): Promise<void> => team.stack.tick()

/** From the answer of one minute's look to the next one. */
const minuteMilliseconds = 500

/** One minute after the other, only shorter, until the promise is settled. */
export const withClock = async <Value>(stage: Stage, work: Promise<Value>): Promise<Value> => {
  const settled = new AbortController()
  const { signal } = settled
  const run = async (): Promise<void> => {
    for (;;) {
      await sleep(minuteMilliseconds, null, { signal }).catch(() => undefined)
      if (signal.aborted) return
      await tick(stage)
    }
  }
  const clock = run()
  try {
    return await work
  } finally {
    settled.abort()
    await clock
  }
}

const imagesOf = async (container: string): Promise<readonly string[]> => {
  const image = await docker(['inspect', '--format', '{{.Image}}', container])
  const digests = ['image', 'inspect', '--format', '{{join .RepoDigests "\\n"}}', image.trim()]
  return (await docker(digests)).split('\n')
}

/** One container of the app runs: of this generation, and of the image that the registry has under this digest. */
export const expectRunning = async (
  stage: Stage,
  app: string,
  { generation, digest }: { readonly generation: number; readonly digest: string },
): Promise<void> => {
  const container = `landfall-${app}.${generation}`
  expect(await containersOf(app)).toEqual([container])
  const image = `${stage.team.registry}/${stage.repositoryOf(app)}@${digest}`
  expect(await imagesOf(container)).toContain(image)
}

/** As the app sees it; it tells no value, only its hash. */
export const expectSetting = async (
  stage: Stage,
  app: string,
  name: string,
  value: string,
): Promise<void> => {
  const hash = createHash('sha256').update(value).digest('hex')
  expect(await stage.ask(app, `/setting?name=${name}`), `${name} of ${app}`).toBe(hash)
}

/** In milliseconds, the time of the first answer of this version. */
export const waitUntilServed = async (
  stage: Stage,
  app: string,
  version: string,
): Promise<number> => {
  const isServed = async () => (await stage.ask(app).catch(() => '')) === version
  await waitFor(`${app} answers ${version}`, isServed)
  return Date.now()
}

/** Reconcile finds nothing to do: the release of this generation serves, and nothing was done about it. */
export const expectUntouched = async (
  stage: Stage,
  app: string,
  generation: number,
): Promise<void> => {
  await tick(stage)
  await waitUntilQuiet(stage)
  expect(await stage.team.operators.invoke('status', { app })).toMatchObject({
    live: { generation },
    open: null,
    takeBack: null,
    frozen: null,
    quarantine: [],
    deployments: { 0: { generation, status: 'succeeded' } },
  })
  expect(await containersOf(app)).toEqual([`landfall-${app}.${generation}`])
}

/** As if the release had been pruned: its container and its image are gone from the instance. */
export const removeFromHost = async (
  stage: Stage,
  app: string,
  { generation, digest }: { readonly generation: number; readonly digest: string },
): Promise<void> => {
  await docker(['rm', '--force', `landfall-${app}.${generation}`])
  const image = `${stage.team.registry}/${stage.repositoryOf(app)}@${digest}`
  await docker(['rmi', '--force', `landfall/${app}:${generation}`, image])
}
