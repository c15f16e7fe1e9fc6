import { describe, expect, it } from 'vitest'
import {
  appAnswer,
  commit,
  deployment,
  earlier,
  earlierCommit,
  failedDeployment,
  openDeployment,
  plan,
  progress,
  refusal,
  release,
  rollbackView,
} from '../../support/cli-answers.ts'
import { runAtFakeDesk, type AnswerFunction, type DeskOptions } from '../../support/cli-desk.ts'

const app = 'oc-lettings'

/** Answers each view of `status` with the next of its list; the last one stays. */
const answering = (views: Readonly<Record<string, readonly unknown[]>>): AnswerFunction => {
  const rest = new Map(Object.entries(views).map(([name, list]) => [name, [...list]]))
  return (name, { view, revision }) => {
    const key = revision === undefined ? (typeof view === 'string' ? view : name) : 'revision'
    const list = rest.get(key) ?? rest.get(name) ?? []
    return list.length > 1 ? list.shift() : list[0]
  }
}

const run = (
  args: string,
  views: Readonly<Record<string, readonly unknown[]>>,
  options: DeskOptions = {},
) => runAtFakeDesk(args.split(' '), { answer: answering(views), ...options })

const requested = { outcome: 'accepted', reason: 'requested', app, message: 'Recorded.' }
const redeployed = { ...requested, revision: commit }
const pending = {
  revision: commit,
  force: false,
  by: 'ada',
  at: '2026-11-29T14:26:00Z',
  refusal: null,
}
const summary = () => ({ ...deployment(), instanceCount: 1 })
const history = { app, deployments: [summary()] }

describe('deploy', () => {
  const next = openDeployment({ generation: 43, kind: 'redeploy' })
  const live = { ...deployment({ generation: 43, kind: 'redeploy' }) }
  const goesWell = {
    progress: [
      progress(),
      progress({ request: pending }),
      progress({ generation: 43, deployment: next }),
      progress({ generation: 43, deployment: live }),
    ],
    redeploy: [redeployed],
    history: [history],
    revision: [refusal('revision_unknown')],
  }

  it('says both ends, and is done when the deployment that follows has succeeded', async () => {
    const { code, out, err, calls } = await run(`deploy ${app} --yes`, goesWell)
    expect(code).toBe(0)
    expect(out).toBe('')
    expect(err).toContain(
      `${app}: #42 9be01d4 "Add search" (ada) → #42 9be01d4 "Add search" (ada) again, with the settings and secrets of now`,
    )
    expect(err).toContain('waiting: redeploy to be opened')
    expect(err).toContain('#43 succeeded 0:31')
    const input = { app, by: 'ada', requestId: 'an-id' }
    expect(calls.find(({ name }) => name === 'redeploy')).toEqual({ name: 'redeploy', input })
  })

  it('of a commit says what it is, and sends it', async () => {
    const revision = {
      app,
      id: earlierCommit,
      commit: earlierCommit,
      status: 'waiting',
      reason: null,
      lacked: null,
      ci: {},
      push: { origin: release().origin },
    }
    const views = { ...goesWell, revision: [revision] }
    const { err, calls } = await run(`deploy ${app} ${earlierCommit} --force --yes`, views)
    expect(err).toContain('→ 3f2a9c1 "Add search", forced')
    expect(calls.find(({ name }) => name === 'redeploy')?.input).toMatchObject({
      revision: earlierCommit,
      force: true,
    })
  })

  it('from another app says what is live there', async () => {
    const { err, calls } = await run(`deploy ${app} --from staging --yes`, goesWell)
    expect(err).toContain('of staging')
    expect(calls.find(({ name }) => name === 'redeploy')?.input).toMatchObject({ from: 'staging' })
  })

  it('ends with 1 and the cause where the deployment fails', async () => {
    const failed = failedDeployment({ generation: 43, kind: 'redeploy' })
    const views = {
      ...goesWell,
      progress: [progress(), progress({ generation: 43, deployment: failed })],
    }
    const { code, err } = await run(`deploy ${app} --yes`, views)
    expect(code).toBe(1)
    expect(err).toContain('✖ failed  unhealthy')
    expect(err).toContain("tail: Invalid HTTP_HOST header: 'localhost'")
  })

  it('ends with 3 where the request is refused later', async () => {
    const refused = progress({ request: { ...pending, refusal: 'revision_unknown' } })
    const { code, err } = await run(`deploy ${app} --yes`, {
      ...goesWell,
      progress: [progress(), refused],
    })
    expect(code).toBe(3)
    expect(err).toContain('docs/reasons.md#revision_unknown')
  })

  it('ends with 1 where the request is gone and nothing was opened for it', async () => {
    const views = { ...goesWell, progress: [progress(), progress()] }
    const { code, err } = await run(`deploy ${app} --yes`, views)
    expect(code).toBe(1)
    expect(err).toContain('nothing was opened for the request')
  })

  it('follows the open deployment that brings the same out', async () => {
    const redeploy = [{ ...redeployed, reason: 'deployment_open', generation: 42 }]
    const open = progress({ deployment: openDeployment() })
    const views = {
      ...goesWell,
      redeploy,
      progress: [open, open, progress({ deployment: deployment() })],
    }
    expect((await run(`deploy ${app} --yes`, views)).code).toBe(0)
  })

  it('finds a deployment that ended between two looks', async () => {
    const views = {
      ...goesWell,
      progress: [progress(), progress({ generation: 44 })],
      deployment: [
        deployment({ generation: 43 }),
        deployment({ generation: 44, kind: 'redeploy' }),
      ],
    }
    const { code, err } = await run(`deploy ${app} --yes`, views)
    expect(code).toBe(0)
    expect(err).toContain('#44 succeeded')
  })

  it('takes redeploy for its name, and --no-watch for no watching', async () => {
    const { code, err, calls } = await run(`redeploy ${app} --yes --no-watch`, goesWell)
    expect(code).toBe(0)
    expect(err).toContain(`landfall watch ${app} shows how it goes on`)
    expect(calls.at(-1)?.name).toBe('redeploy')
  })

  it('prints with --json the answer of the function and nothing else', async () => {
    const { out, code } = await run(`deploy ${app} --yes --json`, goesWell)
    expect(JSON.parse(out)).toEqual(redeployed)
    expect(code).toBe(0)
  })

  it.each([
    [`deploy ${app} 9be01d4`, 'no full commit'],
    [`deploy ${app} main`, 'no full commit'],
    [`deploy ${app} ${commit} --from staging`, 'name no commit with it'],
    ['deploy', 'no app is named'],
  ])('is refused before anything is called: %s', async (args, why) => {
    const { code, err, calls } = await run(args, goesWell)
    expect(code).toBe(2)
    expect(err).toContain(why)
    expect(calls).toEqual([])
  })
})

describe('what changes something', () => {
  const views = { progress: [progress()], rollback: [rollbackView()], history: [history] }

  it.each([
    `deploy ${app}`,
    `rollback ${app}`,
    `cancel ${app}`,
    `freeze ${app} --reason exams`,
    `unfreeze ${app}`,
    'renew-proxy',
  ])('does nothing without a terminal and without --yes: %s', async (args) => {
    const { code, out, err, calls } = await run(args, views)
    expect(code).toBe(2)
    expect(err).toContain('this is no terminal: add --yes')
    expect(out).toBe('')
    expect(calls.filter(({ name }) => name !== 'status')).toEqual([])
  })

  it.each(['', 'n', 'yes please'])(
    'does nothing on a terminal where %j is typed',
    async (typed) => {
      const { code, questions, calls } = await run(`rollback ${app}`, views, {
        isTerminal: true,
        typed: [typed],
      })
      expect(code).toBe(2)
      expect(questions).toEqual([`Roll ${app} back, stage prod? [y/N] `])
      expect(calls.filter(({ name }) => name !== 'status')).toEqual([])
    },
  )
})

describe('rollback', () => {
  const answer = {
    ...requested,
    takesBack: 42,
    to: { generation: 41, commit: earlierCommit, digest: 'd' },
  }
  const back = deployment({ generation: 43, kind: 'rollback', takesBack: 42 })
  const isRolledBack = (name: string, input: Readonly<Record<string, unknown>>) => {
    if (name === 'rollback') return answer
    return input['view'] === 'rollback' ? rollbackView() : null
  }
  const withProgress =
    (...steps: readonly unknown[]): AnswerFunction =>
    (name, input) => {
      const left = steps
      if (input['view'] === 'progress') return [...left][Math.min(count++, left.length - 1)]
      if (input['view'] === 'deployment')
        return deployment({ status: 'rolled_back', rolledBackBy: 42 })
      return isRolledBack(name, input)
    }
  let count = 0
  const runRollback = (args: string, ...steps: readonly unknown[]) => {
    count = 0
    return runAtFakeDesk(args.split(' '), { answer: withProgress(...steps) })
  }
  const takeBack = {
    kind: 'rollback',
    generation: 42,
    by: 'ada',
    at: '2026-11-29T14:26:00Z',
    refusal: null,
  } as const

  it('says both ends and that the database stays, and waits until the earlier release is live', async () => {
    const steps = [
      progress(),
      progress({ takeBack }),
      progress({ generation: 43, deployment: back }),
    ]
    const { code, err, calls } = await runRollback(`rollback ${app} --yes`, ...steps)
    expect(err).toContain(
      `${app}: #42 9be01d4 "Add search" (ada) → #41 3f2a9c1 "Fix the footer" (ada); ran python manage.py migrate: the database stays`,
    )
    expect(err).toContain('#43 succeeded')
    expect(code).toBe(0)
    expect(calls.find(({ name }) => name === 'rollback')?.input).toEqual({
      app,
      by: 'ada',
      requestId: 'an-id',
    })
  })

  it('of an open deployment is done when that was taken back', async () => {
    const open = openDeployment()
    const steps = [
      progress({ live: earlier, deployment: open }),
      progress({ live: earlier, deployment: open, takeBack }),
      progress({
        live: earlier,
        deployment: deployment({ status: 'rolled_back', rolledBackBy: 42 }),
      }),
    ]
    const { code, err } = await runRollback(`rollback ${app} --yes`, ...steps)
    expect(err).toContain('rolled_back')
    expect(code).toBe(0)
  })

  it('of a deployment that was opened a moment ago is done when that was taken back', async () => {
    const taken = deployment({ generation: 43, status: 'rolled_back', rolledBackBy: 43 })
    const steps = [progress(), progress({ generation: 43, deployment: taken })]
    count = 0
    const answerOther = withProgress(...steps)
    const { code } = await runAtFakeDesk(['rollback', app, '--yes'], {
      answer: (name, input) =>
        name === 'rollback' ? { ...answer, takesBack: 43 } : answerOther(name, input),
    })
    expect(code).toBe(0)
  })

  it('ends with 1 where the rollback fails', async () => {
    const failed = failedDeployment({ generation: 43, kind: 'rollback' })
    const steps = [progress(), progress({ generation: 43, deployment: failed })]
    expect((await runRollback(`rollback ${app} --yes`, ...steps)).code).toBe(1)
  })

  it('ends with 3 where it is refused later', async () => {
    const refused = progress({ takeBack: { ...takeBack, refusal: 'nothing_to_roll_back_to' } })
    const { code, err } = await runRollback(`rollback ${app} --yes`, progress(), refused)
    expect(code).toBe(3)
    expect(err).toContain('docs/reasons.md#nothing_to_roll_back_to')
  })

  it('tells where another deployment than the named one is taken back', async () => {
    const steps = [progress({ generation: 41 }), progress({ generation: 43, deployment: back })]
    const other = { ...answer, takesBack: 43 }
    count = 0
    const answerOther = withProgress(...steps)
    const { err } = await runAtFakeDesk(['rollback', app, '--yes', '--no-watch'], {
      answer: (name, input) => (name === 'rollback' ? other : answerOther(name, input)),
    })
    expect(err).toContain('#43 has gone out meanwhile, and is what is taken back')
  })

  it.each([
    ['41', 41],
    ['#41', 41],
    [earlierCommit, earlierCommit],
  ])('--to %s asks for that release before and when it acts', async (to, sent) => {
    const args = `rollback ${app} --to ${to} --yes --no-watch`
    const { calls } = await runRollback(args, progress())
    const named = calls.filter(({ input }) => input['to'] === sent).map(({ name }) => name)
    expect(named).toEqual(['status', 'rollback'])
  })

  it('is refused before the question where it is impossible', async () => {
    const { code, err, out } = await run(`rollback ${app} --json`, {
      progress: [progress()],
      rollback: [refusal('nothing_to_roll_back_to')],
    })
    expect(code).toBe(3)
    expect(err).toContain('refused: nothing_to_roll_back_to')
    expect(JSON.parse(out)).toMatchObject({ reason: 'nothing_to_roll_back_to' })
  })
})

describe('cancel', () => {
  it('is done when the open deployment is cancelled', async () => {
    const cancelled = deployment({ status: 'cancelled', reason: 'cancelled' })
    const views = {
      progress: [progress({ deployment: openDeployment() }), progress({ deployment: cancelled })],
      cancel: [requested],
    }
    const { code, err } = await run(`cancel ${app} --yes`, views)
    expect(err).toContain('#42 9be01d4 "Add search" (ada) → cancelled')
    expect(code).toBe(0)
  })

  it('ends with 1 where the deployment succeeded before', async () => {
    const views = {
      progress: [
        progress({ deployment: openDeployment() }),
        progress({ deployment: deployment() }),
      ],
      cancel: [requested],
    }
    expect((await run(`cancel ${app} --yes`, views)).code).toBe(1)
  })

  it('of a request has nothing to watch', async () => {
    const views = { progress: [progress({ request: pending })], cancel: [requested] }
    expect((await run(`cancel ${app} --yes`, views)).code).toBe(0)
  })
})

describe('freeze, unfreeze and renew-proxy', () => {
  it.each([
    [
      `freeze ${app} --reason exams --yes`,
      'freeze',
      { app, reason: 'exams' },
      'not frozen → frozen: exams',
    ],
    [`unfreeze ${app} --yes`, 'unfreeze', { app }, '→ not frozen'],
    ['renew-proxy --yes', 'renew-proxy', {}, 'every proxy of the stage'],
  ])('%s calls it with who it is', async (args, name, input, said) => {
    const views = { progress: [progress()], [name]: [requested] }
    const { code, err, calls } = await run(args, views)
    expect(code).toBe(0)
    expect(err).toContain(said)
    expect(calls.at(-1)).toEqual({ name, input: { ...input, by: 'ada', requestId: 'an-id' } })
  })

  it('freeze needs a reason', async () => {
    expect((await run(`freeze ${app}`, {})).code).toBeLessThan(0)
  })
})

describe('watch', () => {
  it('follows what is open, second by second, and ends with its verdict', async () => {
    const views = {
      progress: [
        progress({ deployment: openDeployment() }),
        progress({ deployment: openDeployment() }),
        progress({ deployment: failedDeployment() }),
      ],
      history: [history],
    }
    const { code, waits, leaving } = await run(`watch ${app}`, views)
    expect(code).toBe(1)
    expect(waits).toEqual([1000])
    expect(leaving).toEqual([
      'It goes on.',
      `landfall watch ${app} comes back, landfall cancel ${app} stops it`,
    ])
  })

  it('says that nothing is open, and what is live', async () => {
    const { code, err } = await run(`watch ${app}`, { progress: [progress()] })
    expect(code).toBe(0)
    expect(err).toContain('nothing is open on oc-lettings; #42 9be01d4')
  })

  it('prints with --json one line a change', async () => {
    const views = {
      progress: [
        progress({ deployment: openDeployment() }),
        progress({ deployment: deployment() }),
      ],
    }
    const { out } = await run(`watch ${app} --json`, views)
    const lines = out
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    expect(lines).toMatchObject([
      { what: 'opened', generation: 42, app },
      { what: 'step', step: 'pull', seconds: 6.1 },
      { what: 'step', step: 'check' },
      { what: 'instance', status: 'succeeded' },
      { what: 'ended', status: 'succeeded', seconds: 31 },
    ])
  })

  it('draws on a terminal over its last block alone, and writes no line twice', async () => {
    const views = {
      progress: [
        progress({ deployment: openDeployment() }),
        progress({ deployment: openDeployment() }),
        progress({ deployment: deployment() }),
      ],
      history: [history],
    }
    const { err, code } = await run(`watch ${app}`, views, { isTerminal: true })
    expect(code).toBe(0)
    expect(err.match(/oc-lettings · prod/g)).toHaveLength(1)
    expect(err.match(/is live/g)).toHaveLength(1)
    expect(err).toContain('\u001B[2A')
    expect(err).toContain('(last time 0:31)')
  })
})

describe('watch --revision', () => {
  const revision = (status: string, reason: string | null = null) => ({
    app,
    id: commit,
    commit,
    status,
    reason,
    lacked: null,
    ci: {},
    push: null,
  })
  const waiting = {
    revision: commit,
    since: '2026-11-29T14:20:00Z',
    origin: null,
    lacks: ['image'],
    reason: 'evidence_missing',
  }
  const none = { app, deployments: [] }
  const args = `watch ${app} --revision ${commit}`

  it('waits for a commit that is not known yet, says what it lacks, then follows its deployment', async () => {
    const views = {
      revision: [refusal('revision_unknown'), revision('waiting'), revision('waiting')],
      history: [none, none, history],
      status: [appAnswer({ waiting: [waiting] })],
      progress: [
        progress({ deployment: openDeployment() }),
        progress({ deployment: deployment() }),
      ],
    }
    const { code, err, waits } = await run(args, views)
    expect(code).toBe(0)
    expect(err).toContain('waiting: nothing is known of 9be01d4 yet')
    expect(err).toContain('waiting: 9be01d4 lacks image')
    expect(waits).toEqual([5000, 5000, 1000])
  })

  it('names what brings out a commit that waits for a person', async () => {
    const manual = { ...waiting, lacks: [], reason: 'manual' }
    const views = {
      revision: [revision('waiting')],
      history: [none, history],
      status: [appAnswer({ waiting: [manual] })],
      progress: [progress({ deployment: deployment() })],
    }
    expect((await run(args, views)).err).toContain(`landfall deploy ${app} ${commit} brings it out`)
  })

  it.each([
    ['superseded', 'superseded'],
    ['expired', 'wait_expired'],
    ['refused', 'image_missing'],
  ])('ends with 1 where the commit is %s', async (status, reason) => {
    const views = { revision: [revision(status, reason)], history: [none] }
    const { code, err } = await run(args, views)
    expect(code).toBe(1)
    expect(err).toContain(`docs/reasons.md#${reason}`)
  })

  it('does not take the rollback to a commit for its deployment', async () => {
    const back = { ...summary(), kind: 'rollback' }
    const views = {
      revision: [revision('superseded', 'superseded')],
      history: [{ app, deployments: [back] }],
    }
    expect((await run(args, views)).code).toBe(1)
  })

  it('is done where the commit was deployed long ago', async () => {
    expect((await run(args, { revision: [revision('deployed')], history: [none] })).code).toBe(0)
  })
})

describe('plan', () => {
  it('ends with 1 where a deployment would fail', async () => {
    const problem = { level: 'problem', what: 'port', message: 'taken', reason: 'port_in_use' }
    const bad = { ...plan, ok: false, would: 'fail: port_in_use', findings: [problem] }
    const { code, out } = await run(`plan ${app}`, { plan: [bad] })
    expect(code).toBe(1)
    expect(out).toContain('✖ problem port: taken (docs/reasons.md#port_in_use)')
    expect((await run(`plan ${app}`, { plan: [plan] })).code).toBe(0)
  })
})

describe('an answer of a function that is not as expected', () => {
  it('is named by function and path, and printed by no command', async () => {
    const { live: _, ...without } = appAnswer()
    const { code, out, err } = await run(`status ${app} --json`, { status: [without] })
    expect(code).toBe(5)
    expect(out).toBe('')
    expect(err).toContain('the answer of status is not as expected at live')
    expect(err).toContain('is Landfall in the stage prod another version than this command?')
  })

  it('passes with keys that are new', async () => {
    const more = { ...appAnswer(), news: { of: 'a newer Landfall' } }
    const { code, out } = await run(`status ${app} --json`, { status: [more] })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual(more)
  })
})

describe('every command', () => {
  it('takes its time limit in a form that people write', async () => {
    const { ends } = await run(`status ${app} --timeout 10m`, { status: [appAnswer()] })
    expect(ends).toEqual([600])
  })

  it('says no progress under --quiet, and still why it failed', async () => {
    const views = {
      progress: [
        progress({ deployment: openDeployment() }),
        progress({ deployment: deployment() }),
      ],
    }
    expect((await run(`watch ${app} --quiet`, views)).err).toBe('')
    expect(
      (await run(`status ${app} --quiet`, { status: [refusal('app_unknown')] })).err,
    ).toContain('refused: app_unknown')
  })
})
