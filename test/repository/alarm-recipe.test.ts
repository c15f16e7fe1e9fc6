import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { parseConfiguration } from '../../src/config/read.ts'
import { createAlarm, readAgentConfiguration, type CreatedAlarm } from '../support/alarm-recipe.ts'

const read = (file: string): string => readFileSync(`examples/alarm-5xx/${file}`, 'utf8')
const group = readAgentConfiguration().log_group_name

const Alarm = z.object({
  AlarmName: z.string(),
  Metrics: z.array(
    z.object({
      Id: z.string(),
      Expression: z.string().optional(),
      ReturnData: z.boolean(),
      MetricStat: z
        .object({
          Metric: z.object({ Namespace: z.string(), MetricName: z.string() }),
          Period: z.literal(60),
          Stat: z.literal('Sum'),
        })
        .optional(),
    }),
  ),
  TreatMissingData: z.literal('notBreaching'),
  DatapointsToAlarm: z.literal(2),
  EvaluationPeriods: z.literal(3),
  Threshold: z.literal(5),
  ComparisonOperator: z.literal('GreaterThanOrEqualToThreshold'),
})
const Described = z.object({ MetricAlarms: z.tuple([Alarm]) })

describe('create-alarm.sh, by the AWS CLI', () => {
  let created: CreatedAlarm
  let alarm: z.infer<typeof Alarm>
  beforeAll(async () => {
    created = await createAlarm('oc-lettings')
    alarm = Described.parse(created.alarm).MetricAlarms[0]
  })

  test('filters the log group that the agent writes to', () => {
    expect(created.filters.map(({ logGroupName }) => logGroupName)).toEqual([group, group])
  })

  test('alarms on the two metrics that the filters make, and returns only the share', () => {
    const made = created.filters.flatMap(({ metricTransformations }) =>
      metricTransformations.map((one) => `${one.metricNamespace} ${one.metricName}`),
    )
    const used = alarm.Metrics.flatMap(({ MetricStat }) =>
      MetricStat ? [`${MetricStat.Metric.Namespace} ${MetricStat.Metric.MetricName}`] : [],
    )
    expect(used.toSorted()).toEqual(made.toSorted())
    expect(alarm.Metrics.filter(({ ReturnData }) => ReturnData).map(({ Id }) => Id)).toEqual([
      'share',
    ])
  })

  test('divides by names that it defines', () => {
    const ids = alarm.Metrics.map(({ Id }) => Id)
    const expression = alarm.Metrics.find(({ Id }) => Id === 'share')?.Expression ?? ''
    const named = expression.match(/[a-z]\w*/g) ?? []
    expect(named).toEqual(['errors', 'errors', 'requests'])
    expect(ids).toEqual(expect.arrayContaining(named))
  })

  test('names the alarm as landfall.example.yml does', () => {
    const text = readFileSync('landfall.example.yml', 'utf8')
    const parsed = parseConfiguration(text, 'landfall.example.yml')
    const app = parsed.ok ? parsed.value.configuration.apps[0] : undefined
    expect(app?.rollback?.alarms).toContain(alarm.AlarmName)
  })
})

describe('instance-policy.json', () => {
  test('allows the instance to write to that one log group, and nothing else', () => {
    expect(JSON.parse(read('instance-policy.json'))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          Resource: `arn:*:logs:*:*:log-group:${group}:*`,
        },
      ],
    })
  })
})

describe('install-agent.json', () => {
  const Parameters = z.object({ commands: z.array(z.string()) })
  const { commands } = Parameters.parse(JSON.parse(read('install-agent.json')))

  /** Runs it on a machine that has none of this: the package is what `dnf` or `dpkg` here leaves. */
  const install = (packages: 'dnf' | 'dpkg', isConfigured: boolean) => {
    const machine = mkdtempSync(join(tmpdir(), 'landfall-agent-test-'))
    const [opt, bin] = [join(machine, 'opt'), join(machine, 'bin')]
    const log = join(machine, 'log')
    mkdirSync(bin)
    const program = (name: string, script: string): void =>
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    program('ctl', `echo "ctl $*" >>${log}`)
    program(
      packages,
      `case $1 in --print-architecture) echo arm64; exit ;; esac
echo "${packages} $1" >>${log}
mkdir -p ${opt}/bin ${opt}/etc && cp ${bin}/ctl ${opt}/bin/amazon-cloudwatch-agent-ctl
${isConfigured ? `touch ${opt}/etc/amazon-cloudwatch-agent.toml` : ''}`,
    )
    program('curl', `for last; do :; done; echo "curl $last" >>${log}`)
    for (const tool of ['sh', 'cat', 'cp', 'mkdir', 'touch', 'mktemp'])
      program(tool, `exec ${existsSync(`/bin/${tool}`) ? '/bin' : '/usr/bin'}/${tool} "$@"`)
    const script = commands.join('\n').replaceAll('/opt/aws/amazon-cloudwatch-agent', opt)
    execFileSync('/bin/sh', ['-c', script], { env: { PATH: bin, TMPDIR: machine } })
    const written: unknown = JSON.parse(readFileSync(`${opt}/etc/landfall.json`, 'utf8'))
    const did = readFileSync(log, 'utf8').replaceAll(opt, '/opt').trim().split('\n')
    rmSync(machine, { recursive: true })
    return { did, written }
  }

  test('installs by dnf, and starts the agent with agent.json', () => {
    const { did, written } = install('dnf', false)
    expect(did).toEqual([
      'dnf install',
      'ctl -a fetch-config -m ec2 -s -c file:/opt/etc/landfall.json',
      'ctl -a status',
    ])
    expect(written).toEqual(JSON.parse(read('agent.json')))
  })

  test('fetches the package for this processor where there is no dnf', () => {
    expect(install('dpkg', false).did.slice(0, 2)).toEqual([
      'curl https://amazoncloudwatch-agent.s3.amazonaws.com/ubuntu/arm64/latest/amazon-cloudwatch-agent.deb',
      'dpkg --install',
    ])
  })

  test('adds to what an agent already collects', () => {
    expect(install('dnf', true).did).toContain(
      'ctl -a append-config -m ec2 -s -c file:/opt/etc/landfall.json',
    )
  })
})
