import { describe, expect, it } from 'vitest'
import { createHead, type Head } from '../../../src/deployment/head.ts'
import { AppName } from '../../../src/kernel/id.ts'
import type { OperationDetail } from '../../../src/rollout/journal.ts'
import { createRedeploy, type RedeployRequest } from '../../../src/rollout/redeploy.ts'
import { appOf } from '../../support/apps.ts'
import { begin, bringLive, live, type Core } from '../../support/core.ts'
import { openingOf, start } from '../../support/deployments.ts'
import { commitAt, digestAt, ec2 } from '../../support/examples.ts'

const staging = appOf('lettings-staging', { image: 'acme/lettings', targets: [ec2()] })
const production = appOf('lettings', {
  ...staging,
  name: AppName.parse('lettings'),
  deploy: 'manual',
})

/** Release 2 is live on staging, after release 1. */
const onStaging = (image = staging.image, ...indexes: readonly number[]): Core =>
  [1, 2, ...indexes].reduce(
    (core, index) => bringLive(core, openingOf(index, 1, {}, { ...staging, image })),
    begin(),
  )

const rolledBack = (): Core => onStaging().say({ kind: 'rollback', to: null })

/** Production and staging with these heads. */
const journalOf = (here: Core, there: Core) => {
  const heads = new Map<string, Head>([
    [production.name, { ...here.stored, app: production.name }],
    [staging.name, { ...there.stored, app: staging.name }],
  ])
  const details: OperationDetail[] = []
  const redeploy = createRedeploy({
    heads: {
      load: async (app) => heads.get(app) ?? createHead(app),
      record: async (head) => {
        heads.set(head.app, head)
        return 'recorded'
      },
    },
    revisions: {
      load: async () => null,
      loadWaiting: async () => [],
      loadOpen: async () => [],
      recordCompared: async () => {},
      recordStatus: async () => 'recorded',
      recordAsked: async () => {},
      recordLookedUp: async () => {},
    },
    auditLog: {
      recordOperation: async (_app, _operation, detail) => void details.push(detail),
    },
    clock: () => new Date(start),
  })
  return {
    details,
    head: () => heads.get(production.name) ?? createHead(production.name),
    /** Staging has gone on. */
    put: (there: Core) => void heads.set(staging.name, { ...there.stored, app: staging.name }),
    promote: (changes: Partial<RedeployRequest> = {}) =>
      redeploy({
        app: production,
        revision: null,
        from: staging.name,
        force: false,
        by: 'ada',
        id: 'release-17',
        ...changes,
      }),
  }
}

const release = {
  app: staging.name,
  generation: 2,
  commit: commitAt(2),
  digest: digestAt(2),
}

describe('redeploy from another app', () => {
  it('requests the digest that is live there, with its commit and its number', async () => {
    const { promote, head, details } = journalOf(begin(), onStaging())
    expect(await promote()).toEqual({
      ok: true,
      value: { revision: commitAt(2), promoted: release, open: null, isRepeated: false },
    })
    expect(head().request).toMatchObject({
      revision: commitAt(2),
      promoted: release,
      by: 'ada',
      refusal: null,
    })
    expect(details).toEqual([{ revision: null, from: staging.name, force: false }])
  })

  it('keeps to the digest of the request when another one becomes live there', async () => {
    const { promote, head, put, details } = journalOf(begin(), onStaging())
    await promote()
    put(onStaging(staging.image, 3))
    const again = await promote()
    expect(again).toEqual({
      ok: true,
      value: { revision: null, promoted: null, open: null, isRepeated: true },
    })
    expect(head().request?.promoted).toEqual(release)
    expect(details).toHaveLength(2)
    expect(details[0]).toEqual(details[1])
  })

  it('takes the live release there while another one is deployed, and while that is taken back', async () => {
    const open = onStaging()
      .open(openingOf(3, 1, {}, staging))
      .dispatch()
    const { promote, head } = journalOf(begin(), open.say({ kind: 'rollback', to: null }))
    expect(await promote()).toMatchObject({ ok: true })
    expect(head().request?.promoted).toEqual(release)
  })

  it('names the open deployment of that very image', async () => {
    const opening = openingOf(2, 1, { kind: 'redeploy' }, production)
    const { promote } = journalOf(begin().open(opening), onStaging())
    expect(await promote()).toMatchObject({ ok: true, value: { open: 1, promoted: release } })
  })

  it.each<[string, Core, Core, string, string | undefined]>([
    ['nothing is live there', begin(), begin(), 'nothing_live', 'The app is lettings-staging.'],
    [
      'another image runs there',
      begin(),
      onStaging('acme/invoices'),
      'image_differs',
      'lettings-staging runs acme/invoices, and lettings is of acme/lettings.',
    ],
    [
      'an image of that name comes from another registry',
      begin(),
      onStaging('registry.example:5000/acme/lettings'),
      'image_differs',
      'lettings-staging runs registry.example:5000/acme/lettings, and lettings is of acme/lettings.',
    ],
    [
      'it is being rolled back there',
      begin(),
      rolledBack(),
      'quarantined',
      'It is quarantined on lettings-staging.',
    ],
    [
      'its digest is quarantined here',
      live(1, 1, 2).say({ kind: 'rollback', to: null }).openRollback().finish().archive(),
      onStaging(),
      'quarantined',
      undefined,
    ],
    [
      'this app is frozen',
      begin().say({ kind: 'freeze', reason: 'exams' }),
      onStaging(),
      'app_frozen',
      undefined,
    ],
    [
      'another deployment is open here',
      begin().open(openingOf(3, 1)),
      onStaging(),
      'deployment_open',
      undefined,
    ],
    [
      'the open deployment here is of the same commit with another image',
      begin().open({
        ...openingOf(2, 1),
        release: { ...openingOf(2, 1).release, digest: digestAt(7) },
      }),
      onStaging(),
      'deployment_open',
      undefined,
    ],
    [
      'a request is pending here',
      live(1, 1).ask({}, 'earlier'),
      onStaging(),
      'request_pending',
      undefined,
    ],
  ])('is refused where %s', async (_what, here, there, reason, detail) => {
    const { promote, head } = journalOf(here, there)
    const before = head()
    expect(await promote()).toEqual({
      ok: false,
      error: detail === undefined ? { reason } : { reason, detail },
    })
    expect(head()).toEqual(before)
  })

  it.each<[string, Core, Core]>([
    ['it is being rolled back there', begin(), rolledBack()],
    ['this app is frozen', begin().say({ kind: 'freeze', reason: 'exams' }), onStaging()],
    [
      'its digest is quarantined here',
      live(1, 1, 2).say({ kind: 'rollback', to: null }).openRollback().finish().archive(),
      onStaging(),
    ],
  ])('is requested by force although %s', async (_what, here, there) => {
    const { promote, head } = journalOf(here, there)
    expect(await promote({ force: true })).toMatchObject({ ok: true })
    expect(head().request).toMatchObject({ promoted: release, force: true })
  })

  it('knows one image under the names that Docker Hub has for it', async () => {
    const { promote } = journalOf(begin(), onStaging('docker.io/acme/lettings'))
    expect(await promote()).toMatchObject({ ok: true })
  })
})
