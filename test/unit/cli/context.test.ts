import { describe, expect, it } from 'vitest'
import { requireApp, resolveContext, type Surroundings } from '../../../cli/context.ts'

const around = (changes: Partial<Surroundings> = {}): Surroundings => ({
  env: {},
  directory: '/work/team/src',
  readText: () => null,
  regionOfProfile: async () => undefined,
  ...changes,
})

const filed = (content: unknown, path = '/work/team/.landfallrc.json') =>
  around({ readText: (asked) => (asked === path ? JSON.stringify(content) : null) })

describe('the stage', () => {
  it('comes from the flag, else the variable, else the nearest file upward', async () => {
    const region = 'eu-west-3'
    const both = { ...filed({ stage: 'of-file', region }), env: { LANDFALL_STAGE: 'of-variable' } }
    expect((await resolveContext({ stage: 'of-flag' }, both)).stage).toBe('of-flag')
    expect((await resolveContext({}, both)).stage).toBe('of-variable')
    expect((await resolveContext({}, filed({ stage: 'of-file', region }))).stage).toBe('of-file')
  })

  it('has no default: where none is named, each place that was looked at is listed', async () => {
    await expect(resolveContext({}, around())).rejects.toMatchObject({
      exitCode: 2,
      lines: [
        'no stage is named',
        'looked at: --stage, LANDFALL_STAGE, .landfallrc.json from /work/team/src upward',
      ],
    })
  })

  it.each(['../prod', 'prod:1', 'a b', '-', ''])('is refused as %j', async (stage) => {
    await expect(resolveContext({ stage, region: 'eu-west-3' }, around())).rejects.toMatchObject({
      exitCode: 2,
    })
  })
})

describe('the region', () => {
  const stage = 'prod'

  it('comes from flag, LANDFALL_REGION, AWS_REGION, file, profile, in this order', async () => {
    const readText = filed({ region: 'eu-west-4' }).readText
    const env = { LANDFALL_REGION: 'eu-west-2', AWS_REGION: 'eu-west-3' }
    const regionOf = async (given: string | undefined, parts: Partial<Surroundings>) =>
      (await resolveContext({ stage, region: given }, around(parts))).region
    const regionOfProfile = async () => 'eu-west-5'
    expect(await regionOf('eu-west-1', { env, readText })).toBe('eu-west-1')
    expect(await regionOf(undefined, { env, readText })).toBe('eu-west-2')
    expect(await regionOf(undefined, { env: { AWS_REGION: 'eu-west-3' }, readText })).toBe(
      'eu-west-3',
    )
    expect(await regionOf(undefined, { readText, regionOfProfile })).toBe('eu-west-4')
    expect(await regionOf(undefined, { regionOfProfile })).toBe('eu-west-5')
  })

  it('is asked of the profile that is named', async () => {
    const asked: (string | undefined)[] = []
    const regionOfProfile = async (profile: string | undefined) => {
      asked.push(profile)
      return 'eu-west-3'
    }
    await resolveContext({ stage, profile: 'team' }, around({ regionOfProfile }))
    await resolveContext({ stage }, around({ regionOfProfile, env: { AWS_PROFILE: 'mine' } }))
    await resolveContext({ stage }, { ...filed({ profile: 'filed' }), regionOfProfile })
    expect(asked).toEqual(['team', 'mine', 'filed'])
  })

  it('comes with no profile of the file where the environment has credentials, as in CI', async () => {
    const team = filed({ profile: 'filed', region: 'eu-west-3' })
    const env = { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' }
    expect((await resolveContext({ stage }, team)).profile).toBe('filed')
    expect((await resolveContext({ stage }, { ...team, env })).profile).toBeUndefined()
    expect((await resolveContext({ stage, profile: 'named' }, { ...team, env })).profile).toBe(
      'named',
    )
  })

  it('is listed with the profile where none is named', async () => {
    await expect(resolveContext({ stage, profile: 'team' }, around())).rejects.toMatchObject({
      exitCode: 2,
      lines: ['no region is named', expect.stringContaining('AWS_REGION, .landfallrc.json from')],
    })
  })

  it('is refused where it is part of a host of somebody else', async () => {
    const region = 'eu-west-3.evil.example/'
    await expect(resolveContext({ stage, region }, around())).rejects.toMatchObject({ exitCode: 2 })
  })
})

describe('.landfallrc.json', () => {
  it.each([
    ['{', 'is not JSON'],
    ['[]', 'expected'],
    ['{"stag":"prod"}', 'stag'],
    ['{"stage":7}', 'stage'],
  ])('%s is refused with its path and its mistake', async (text, mistake) => {
    const readText = (path: string) => (path === '/work/.landfallrc.json' ? text : null)
    const refused = resolveContext({}, around({ readText }))
    await expect(refused).rejects.toMatchObject({ exitCode: 2 })
    await expect(refused).rejects.toThrow('/work/.landfallrc.json')
    await expect(refused).rejects.toThrow(mistake)
  })
})

describe('the app', () => {
  it('is the argument, else --app, LANDFALL_APP, the file', () => {
    const env = { LANDFALL_APP: 'of-variable' }
    const none = { argument: undefined, flag: undefined }
    expect(requireApp({ argument: 'one', flag: 'two' }, around({ env }))).toBe('one')
    expect(requireApp({ ...none, flag: 'two' }, around({ env }))).toBe('two')
    expect(requireApp(none, around({ env }))).toBe('of-variable')
    expect(requireApp(none, filed({ app: 'of-file' }))).toBe('of-file')
    expect(() => requireApp(none, around())).toThrow('no app is named')
  })

  it('is refused where it is no name', () => {
    expect(() => requireApp({ argument: 'No App', flag: undefined }, around())).toThrow(
      'is no name of an app',
    )
  })
})
