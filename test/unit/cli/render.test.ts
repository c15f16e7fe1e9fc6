import { describe, expect, it } from 'vitest'
import { renderJson, renderJsonLine } from '../../../cli/json.ts'
import { listProgressChanges, renderChange } from '../../../cli/changes.ts'
import { toPicture } from '../../../cli/progress-view.ts'
import {
  renderDeploymentLines,
  renderHistoryLines,
  renderVerdict,
} from '../../../cli/render/deployment.ts'
import { renderAppLines, renderApps } from '../../../cli/render/status.ts'
import { cutToColumns, plainly } from '../../../cli/terminal.ts'
import { renderDuration, toAge } from '../../../cli/text.ts'
import {
  appAnswer,
  commit,
  deployment,
  failedDeployment,
  openDeployment,
  release,
} from '../../support/cli-answers.ts'

const now = Date.parse('2026-11-29T14:28:31.000Z')
const view = { paint: plainly, now }

/** A title as a stranger writes it: colours, a cleared screen, a title of the window, text from right to left. */
const hostile =
  '\u001B[31mred\u001B[2J\u001B]0;pwned\u0007\u009B1A \u202Eesrever\u2066 \r\nnew line'
// oxlint-disable-next-line no-control-regex -- what must not come out
const steering = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u200E\u200F\u202A-\u202E\u2066-\u2069]/

describe('status', () => {
  it('has a row for each app: what is live, open, held and waiting', () => {
    const open = openDeployment({ generation: 43 })
    const frozen = { reason: 'exams', by: 'ada', at: '2026-11-29T14:00:00Z' }
    const [title, ...rows] = renderApps(
      [
        appAnswer(),
        appAnswer({ app: 'shop', live: null, open: 43, deployments: [open] }),
        appAnswer({ app: 'blog', frozen }),
      ],
      view,
    )
    expect(title).toMatch(/^APP +LIVE +OPEN +WAITING$/)
    expect(rows[0]).toMatch(/^oc-lettings {2}#42 9be01d4 "Add search" \(ada\), 60 s ago +– +–$/)
    expect(rows[1]).toMatch(/^shop +nothing is live +● in progress #43 9be01d4 .*, 2 min ago +–$/)
    expect(rows[2]).toMatch(/^blog .* frozen by ada: exams +–$/)
  })

  it('names of one app what waits and why, and each instance that does not serve what is live', () => {
    const instance = {
      id: 'i-0aaa',
      serves: null,
      asOf: '2026-11-29T14:27:31Z',
      reason: 'no_answer',
    }
    const waiting = {
      revision: commit,
      since: '2026-11-29T14:28:01.000Z',
      origin: null,
      lacks: ['CI of workflow CI'],
      reason: 'evidence_missing',
    }
    const { instances } = appAnswer()
    const app = appAnswer({ waiting: [waiting], instances: [...instances, instance] })
    expect(renderAppLines(app, view)).toEqual([
      'oc-lettings',
      'live         #42 9be01d4 "Add search" (ada), 60 s ago',
      'last         ✔ succeeded #42 9be01d4 "Add search" (ada), 60 s ago',
      'waiting      9be01d4: lacks CI of workflow CI, since 30 s ago',
      'instances    1 of 2 serve what is live',
      '             i-0aaa no_answer',
    ])
  })
})

describe('a deployment', () => {
  it('that failed names its cause, the last lines, who serves and what to do', () => {
    expect(renderVerdict(failedDeployment(), view)).toEqual([
      '✖ failed  unhealthy: GET / answered 400, is the host in ALLOWED_HOSTS? #41 serves.  0:31',
      "             tail: Invalid HTTP_HOST header: 'localhost'",
      '             do:   docs/reasons.md#unhealthy',
    ])
  })

  it('is shown with the steps of each instance', () => {
    expect(renderDeploymentLines('oc-lettings', deployment({ ranPredeploy: true }), view)).toEqual([
      'oc-lettings  #42 9be01d4 "Add search" (ada)',
      '             deploy by github, 2026-11-29T14:27:00.000Z, ran predeploy: no rollback undoes that',
      'i-0123…def0  ✔ pull 6.1s  ✔ check 1.2s',
      '✔ succeeded  #42 is live  0:31',
    ])
  })

  it('of the past is a line with who, when, how long and why', () => {
    const { instances: _, steps: __, ...summary } = failedDeployment()
    const deployments = [{ ...summary, instanceCount: 1 }]
    expect(renderHistoryLines({ app: 'shop', deployments }, view)).toEqual([
      '✖ failed  #42 9be01d4 "Add search" (ada)  deploy  by github  2 min ago  0:31  unhealthy',
    ])
  })
})

describe('the picture of a deployment on a terminal', () => {
  const situation = {
    app: 'oc-lettings',
    stage: 'prod',
    paint: plainly,
    now,
    rows: 10,
    lastSeconds: 31,
  }
  const instance = (id: string, status: string) => ({
    id,
    status,
    serving: null,
    reason: null,
    message: null,
  })

  it('has a header that stays, and a block with what is left and the clock', () => {
    expect(toPicture(null, openDeployment(), situation)).toEqual({
      stay: ['oc-lettings · prod  #42 9be01d4 "Add search" (ada)'],
      block: ['i-0123…def0  pending', '● in progress  1:31 (last time 0:31)'],
    })
  })

  it('lets an instance stay once it has ended, and shows it once', () => {
    const before = openDeployment({
      instances: [instance('i-1', 'pending'), instance('i-2', 'pending')],
    })
    const after = openDeployment({
      instances: [instance('i-1', 'succeeded'), instance('i-2', 'pending')],
    })
    const picture = toPicture(before, after, situation)
    expect(picture.stay).toEqual(['i-1  succeeded'])
    expect(picture.block[0]).toBe('i-2  pending')
    expect(toPicture(after, after, situation).stay).toEqual([])
  })

  it('leaves room on the screen, whatever the number of instances', () => {
    const instances = Array.from({ length: 1000 }, (_, index) => instance(`i-${index}`, 'pending'))
    const { block } = toPicture(null, openDeployment({ instances }), situation)
    expect(block).toHaveLength(8)
    expect(block.at(-2)).toBe('… and 994 more')
  })

  it('ends in the verdict, with nothing left to draw over', () => {
    const { stay, block } = toPicture(openDeployment(), failedDeployment(), situation)
    expect(stay.at(-1)).toBe('             do:   docs/reasons.md#unhealthy')
    expect(block).toEqual([])
  })

  it.each([
    ['abcdef', 3, 'abc'],
    ['\u001B[31mabc\u001B[39mdef', 4, '\u001B[31mabc\u001B[39md'],
    ['漢字kana', 5, '漢字k'],
  ])('cuts %j to %d columns', (line, columns, cut) => {
    expect(cutToColumns(line, columns)).toBe(cut)
  })
})

describe('a log', () => {
  it('has a line for each change, with its time', () => {
    const at = '2026-11-29T14:27:32.123Z'
    expect(
      listProgressChanges('oc-lettings', null, openDeployment(), at).map(renderChange),
    ).toEqual(['2026-11-29T14:27:00Z oc-lettings #42 opened #42 9be01d4 "Add search" (ada)'])
    const changes = listProgressChanges('oc-lettings', openDeployment(), failedDeployment(), at)
    expect(changes.map(renderChange)).toEqual([
      '2026-11-29T14:27:32Z oc-lettings #42 i-0123…def0 pull succeeded 6.1s',
      '2026-11-29T14:27:32Z oc-lettings #42 i-0123…def0 check failed 20.0s',
      '2026-11-29T14:27:32Z oc-lettings #42 i-0123…def0 restored (unhealthy)',
      '2026-11-29T14:27:31Z oc-lettings #42 failed 0:31 (unhealthy: GET / answered 400, is the host in ALLOWED_HOSTS?)',
    ])
    expect(listProgressChanges('oc-lettings', failedDeployment(), failedDeployment(), at)).toEqual(
      [],
    )
  })
})

describe('a text of a stranger', () => {
  const origin = { title: hostile, author: hostile, login: null, runUrl: hostile, compareUrl: null }
  const [step] = failedDeployment().steps
  const bad = failedDeployment({
    origin,
    message: hostile,
    by: hostile,
    steps: step === undefined ? [] : [{ ...step, tail: [hostile] }],
  })
  const app = appAnswer({
    live: release({ origin }),
    deployments: [bad],
    frozen: { reason: hostile, by: hostile, at: hostile },
  })

  it.each<[string, readonly string[]]>([
    ['the table of apps', renderApps([app], view)],
    ['an app', renderAppLines(app, view)],
    ['a deployment', renderDeploymentLines(hostile, bad, view)],
    [
      'a log',
      listProgressChanges('oc-lettings', null, bad, '2026-11-29T14:27:32Z').map(renderChange),
    ],
    ['JSON', [renderJson(app)]],
    ['a line of JSON', [renderJsonLine(app)]],
  ])('steers no terminal in %s', (_, lines) => {
    expect(lines.join('\n')).toContain('red')
    expect(lines.join('\n')).not.toMatch(steering)
  })

  it('reads from JSON as the same value', () => {
    const value = { hostile, flag: '\u{E0067}', lone: '\uD800' }
    expect(JSON.parse(renderJson(value))).toEqual(value)
    expect(JSON.parse(renderJsonLine(value))).toEqual(value)
  })
})

describe('times', () => {
  it.each([
    [31, '0:31'],
    [91, '1:31'],
    [3723, '1:02:03'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(renderDuration(seconds)).toBe(text)
  })

  it.each([
    [30, '30 s ago'],
    [600, '10 min ago'],
    [7200, '2 h ago'],
    [5 * 86_400, '5 days ago'],
  ])('%d seconds ago are told as %s', (seconds, text) => {
    expect(toAge(new Date(now - seconds * 1000).toISOString(), now)).toBe(text)
  })
})
