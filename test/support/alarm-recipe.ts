import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import { run } from '../../local/docker/docker.ts'
import { ensurePrograms, findProgram, programs } from '../../local/docker/packages.ts'
import { startTestAws } from './local-aws.ts'

const recipe = 'examples/alarm-5xx'

const MetricFilter = z.strictObject({
  logGroupName: z.string(),
  filterName: z.string(),
  filterPattern: z.string(),
  metricTransformations: z.tuple([
    z.strictObject({
      metricName: z.string(),
      metricNamespace: z.string(),
      metricValue: z.literal('1'),
      defaultValue: z.literal(0),
    }),
  ]),
})
export type MetricFilter = z.infer<typeof MetricFilter>

/** Takes what is sent to CloudWatch Logs, which the local stack does not have. */
const listenForFilters = async () => {
  const filters: MetricFilter[] = []
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request)
    if (request.headers['x-amz-target'] === 'Logs_20140328.PutMetricFilter')
      filters.push(MetricFilter.parse(JSON.parse(body)))
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end('{}')
  }
  const server = createServer((request, response) => void respond(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = z.object({ port: z.number() }).parse(server.address())
  return { filters, url: `http://127.0.0.1:${address.port}`, stop: () => server.close() }
}

/** The AWS CLI, sent to the two endpoints. Older ones do not read AWS_ENDPOINT_URL. */
const writeCli = (directory: string, logs: string, cloudwatch: string): void => {
  const program = findProgram('aws') ?? 'aws'
  const choice = `if [ "$1" = logs ]; then at=${logs}; else at=${cloudwatch}; fi`
  const file = join(directory, 'aws')
  writeFileSync(file, `#!/bin/sh\n${choice}\nexec ${program} --endpoint-url "$at" "$@"\n`)
  chmodSync(file, 0o755)
}

export interface CreatedAlarm {
  readonly filters: readonly MetricFilter[]
  /** As `aws cloudwatch describe-alarms` tells of it. */
  readonly alarm: unknown
}

/** Runs the recipe's script by the real AWS CLI: what it creates, for one app. */
export const createAlarm = async (app: string): Promise<CreatedAlarm> => {
  await ensurePrograms([programs.aws])
  const directory = mkdtempSync(join(tmpdir(), 'landfall-alarm-'))
  const logs = await listenForFilters()
  const local = await startTestAws()
  writeCli(directory, logs.url, local.aws.address)
  const { accessKeyId, secretAccessKey } = local.client.credentials
  const env = [
    `PATH=${directory}:${process.env['PATH'] ?? ''}`,
    `AWS_ACCESS_KEY_ID=${accessKeyId}`,
    `AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
    'AWS_DEFAULT_REGION=eu-west-3',
    'AWS_PAGER=',
  ]
  try {
    await run('env', [...env, 'sh', `${recipe}/create-alarm.sh`, app])
    const query = ['cloudwatch', 'describe-alarms', '--alarm-names', `${app}-5xx`]
    const told: unknown = JSON.parse(
      await run('env', [...env, 'aws', '--output', 'json', ...query]),
    )
    return { filters: logs.filters, alarm: told }
  } finally {
    logs.stop()
    await local.stop()
    rmSync(directory, { recursive: true })
  }
}

const AgentConfiguration = z.strictObject({
  agent: z.strictObject({ run_as_user: z.literal('root') }),
  logs: z.strictObject({
    logs_collected: z.strictObject({
      files: z.strictObject({
        collect_list: z.tuple([
          z.strictObject({
            file_path: z.string(),
            log_group_name: z.string(),
            log_stream_name: z.string(),
            timestamp_format: z.literal('%Y-%m-%dT%H:%M:%S'),
            timezone: z.literal('UTC'),
          }),
        ]),
      }),
    }),
  }),
})

/** The one file that the CloudWatch agent collects, as `agent.json` says it. */
export const readAgentConfiguration = () =>
  AgentConfiguration.parse(JSON.parse(readFileSync(`${recipe}/agent.json`, 'utf8'))).logs
    .logs_collected.files.collect_list[0]
