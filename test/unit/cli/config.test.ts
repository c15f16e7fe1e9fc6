import { describe, expect, it } from 'vitest'
import { deployment, progress, settings } from '../../support/cli-answers.ts'
import { runAtFakeDesk, type AnswerFunction, type DeskOptions } from '../../support/cli-desk.ts'

const app = 'oc-lettings'
const planted = 'a-planted-secret-value'
const secret = {
  text: JSON.stringify({ SECRET_KEY: `${planted}-1`, API_KEY: `${planted}-2` }),
  version: 'v1',
}

const answer: AnswerFunction = (name, { view }) => {
  if (name === 'redeploy')
    return { outcome: 'accepted', reason: 'requested', app, revision: null, message: 'Recorded.' }
  if (view === 'settings') return { apps: [settings()] }
  if (view === 'history') return { app, deployments: [] }
  const live = deployment({ generation: 43, kind: 'redeploy' })
  return view === 'progress'
    ? progress(asked++ > 0 ? { generation: 43, deployment: live } : {})
    : {}
}
let asked = 0

const run = (args: readonly string[], options: DeskOptions = {}) => {
  asked = 0
  return runAtFakeDesk(args, { answer, secret, ...options })
}

const setting = (input: string, ...more: readonly string[]) =>
  run(['config', 'set', app, ...more, '--yes'], { input })

describe('config', () => {
  it.each([[['config', app]], [['config', 'list', app]]])(
    'names the keys of env and secret, and no value: %j',
    async (args) => {
      const { code, out, err } = await run(args)
      expect(code).toBe(0)
      expect(out).toBe(
        'env     DEBUG, ALLOWED_HOSTS  (landfall.yml)\nsecret  SECRET_KEY, API_KEY  (landfall/prod/oc-lettings)\n',
      )
      expect(out + err).not.toContain(planted)
    },
  )

  it('prints the names as JSON', async () => {
    const { out } = await run(['config', app, '--json'])
    expect(JSON.parse(out)).toEqual({
      app,
      env: ['DEBUG', 'ALLOWED_HOSTS'],
      secret: 'landfall/prod/oc-lettings',
      keys: ['SECRET_KEY', 'API_KEY'],
    })
  })

  it('says that a secret is no JSON object, and not what it is', async () => {
    const { code, out, err } = await run(['config', app], {
      secret: { text: planted, version: 'v1' },
    })
    expect(code).toBe(1)
    expect(err).toContain('landfall/prod/oc-lettings is no JSON object of texts')
    expect(out + err).not.toContain(planted)
  })
})

describe('config set', () => {
  it.each([
    ['lines', `# a comment\n\nexport API_KEY="${planted}-3"\nNEW=1.0\n`],
    ['JSON', JSON.stringify({ API_KEY: `${planted}-3`, NEW: '1.0' })],
    ['JSON with a number as it is written', `{"API_KEY":"${planted}-3","NEW":1.0}`],
  ])('merges what comes as %s into what is there, and says names alone', async (_, input) => {
    const { code, out, err, secret: after } = await setting(input)
    expect(code).toBe(0)
    expect(JSON.parse(after.text)).toEqual({
      SECRET_KEY: `${planted}-1`,
      API_KEY: `${planted}-3`,
      NEW: '1.0',
    })
    expect(err).toContain('landfall/prod/oc-lettings: adds NEW; changes API_KEY; keeps 1')
    expect(err).toContain('the containers keep the old values until: landfall deploy oc-lettings')
    expect(out + err).not.toContain(planted)
  })

  it('takes of a file the keys that are named', async () => {
    const files = { '/work/team/.env': `API_KEY=${planted}-3\nDEBUG=1\n` }
    const args = ['config', 'set', app, 'API_KEY', '--from-file', '/work/team/.env', '--yes']
    const { secret: after } = await run(args, { files })
    expect(JSON.parse(after.text)).toEqual({ SECRET_KEY: `${planted}-1`, API_KEY: `${planted}-3` })
  })

  it('asks on a terminal for each value without showing it, and offers the deployment', async () => {
    const typed = [`${planted}-3`, 'y', 'y']
    const args = ['config', 'set', app, 'API_KEY']
    const { code, err, questions, calls } = await run(args, { isTerminal: true, typed })
    expect(questions).toEqual([
      'API_KEY: ',
      'Write this to landfall/prod/oc-lettings? [y/N] ',
      'Deploy oc-lettings with it now? [y/N] ',
    ])
    expect(calls.some(({ name }) => name === 'redeploy')).toBe(true)
    expect(err).toContain('is live')
    expect(err).not.toContain(planted)
    expect(code).toBe(0)
  })

  it('keeps what somebody else writes at the same time', async () => {
    let writes = 0
    const {
      code,
      err,
      secret: after,
    } = await run(['config', 'set', app, '--yes'], {
      input: 'API_KEY=mine',
      beforeWrite: (held) => {
        if (writes++ === 0)
          held.value = {
            text: JSON.stringify({ SECRET_KEY: 's', API_KEY: 'a', OTHER: 'theirs' }),
            version: 'v2',
          }
      },
    })
    expect(code).toBe(0)
    expect(err).toContain('was changed meanwhile; merging again')
    expect(JSON.parse(after.text)).toEqual({ SECRET_KEY: 's', API_KEY: 'mine', OTHER: 'theirs' })
  })

  it('gives up where it is changed again and again, and says that nothing was written', async () => {
    const { code, err } = await run(['config', 'set', app, '--yes'], {
      input: 'API_KEY=mine',
      beforeWrite: (held) => {
        held.value = { ...held.value, version: `${held.value.version}!` }
      },
    })
    expect(code).toBe(1)
    expect(err).toContain('nothing of yours was written')
  })

  it('writes nothing where the values are there already', async () => {
    const { code, err, secret: after } = await setting(secret.text)
    expect([code, after.version]).toEqual([0, 'v1'])
    expect(err).toContain('has these values already')
  })

  it('deploys where it is told to', async () => {
    const { code, calls } = await setting('API_KEY=mine', '--deploy')
    expect(code).toBe(0)
    expect(calls.some(({ name }) => name === 'redeploy')).toBe(true)
  })

  it.each([
    ['an argument with a value', [`API_KEY=${planted}`], '', 'a value is no argument'],
    ['a blank value', [], 'API_KEY=  \nNEW=1', 'blank: API_KEY'],
    ['no value', [], '', 'no key is named'],
    ['a key without a value', ['OTHER'], 'API_KEY=1', 'no value is given for OTHER'],
    ['a line that is none', [], `API_KEY=1\n${planted}`, 'line 2 is not KEY=VALUE'],
    ['JSON of something else', [], `{"API_KEY":["${planted}"]}`, 'no JSON object of texts'],
    ['a name that no variable has', ['API-KEY'], 'API_KEY=1', 'no name of a key'],
    ['a value that steers the shell', [], String.raw`{"BASH_ENV":"a\nb"}`, 'steers the shell'],
    ['a file that is not there', ['--from-file', '/nowhere'], '', 'cannot be read'],
  ])('is refused with %s, and quotes no value', async (_, more, input, why) => {
    const { code, out, err, secret: after } = await setting(input, ...more)
    expect(code).toBe(2)
    expect(err).toContain(why)
    expect(out + err).not.toContain(planted)
    expect(after).toEqual(secret)
  })

  it('needs a word before it writes', async () => {
    const { code, secret: after } = await run(['config', 'set', app], { input: 'API_KEY=1' })
    expect([code, after]).toEqual([2, secret])
  })

  it('says that the app has no secret', async () => {
    const { code, err } = await run(['config', 'set', app, '--yes'], {
      input: 'API_KEY=1',
      answer: () => ({ apps: [settings({ secrets: null })] }),
    })
    expect(code).toBe(2)
    expect(err).toContain('landfall.yml names no secret for oc-lettings')
  })
})
