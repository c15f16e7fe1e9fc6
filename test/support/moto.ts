import { execFile, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda'
import { paginateListDocuments, SSMClient } from '@aws-sdk/client-ssm'
import { freePort } from '../../local/docker/free-port.ts'
import { account, waitUntil } from './local-aws.ts'

/** Where others' programs are; docs/testing.md says how they come there. */
export const peers = join(import.meta.dirname, '../../.landfall/peers')

/** A program of the virtual environment there, or else of the machine. */
export const peerProgram = (name: string): string => {
  const own = join(peers, 'bin', name)
  return existsSync(own) ? own : name
}

/** It refuses a template for what cfn-lint warns of, and for its own gaps. cfn-lint is asked by itself. */
const serve = `
import sys
from moto.cloudformation import models
from moto.server import main
models.validate_template_cfn_lint = lambda template: []
main(sys.argv[1:])
`

/** Null where Python or a part of moto is missing. */
export const findMoto = (): string | null => {
  const python = peerProgram('python3')
  const parts = 'import moto.server, moto.cloudformation.models, docker, cfnlint, flask'
  return spawnSync(python, ['-c', parts]).status === 0 ? python : null
}

export interface Moto {
  readonly address: string
  /** What its stack lacks, of its own words. */
  readonly gaps: () => readonly string[]
  readonly stop: () => void
}

/** moto's server, empty, in a folder of its own. */
export const startMoto = async (python: string, directory: string): Promise<Moto> => {
  const port = await freePort()
  const cwd = mkdtempSync(join(directory, 'moto-'))
  const options = ['-c', serve, '-H', '127.0.0.1', '-p', String(port)]
  const child = spawn(python, options, { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const address = `http://127.0.0.1:${port}`
  const answers = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`moto ended: ${said.slice(-500)}`)
    return fetch(`${address}/moto-api/`).then(
      ({ ok }) => ok,
      () => false,
    )
  }
  await waitUntil(answers, 'moto answers')
  const gaps = (): readonly string[] => {
    const lines = said.matchAll(/No Moto CloudFormation support for (\S+)/g)
    return [...new Set([...lines].map(([, type = '']) => type))].toSorted()
  }
  return { address, gaps, stop: () => void child.kill('SIGKILL') }
}

const sls = createRequire(import.meta.url).resolve('serverless/bin/serverless.js')

/** The stack at moto, by the commands of README; each answers what it prints. */
export const openMotoStack = (address: string, directory: string) => {
  const credentials = { accessKeyId: 'moto', secretAccessKey: 'moto' }
  const settings = { endpoint: address, region: account.region, credentials }
  const run = async (command: string, more: Readonly<Record<string, string>> = {}) => {
    const options = [sls, command, '--stage', 'local', '--region', account.region]
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: directory,
      NO_COLOR: '1',
      AWS_ENDPOINT_URL: address,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
      LANDFALL_CONFIG: 'landfall.example.yml',
      ...more,
    }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, options, { env })
    return stdout + stderr
  }
  const functions = async () => {
    const found = []
    for await (const page of paginateListFunctions({ client: new LambdaClient(settings) }, {}))
      found.push(...(page.Functions ?? []))
    return found
  }
  const documents = async (): Promise<readonly string[]> => {
    const names: string[] = []
    const own = { Filters: [{ Key: 'Owner', Values: ['Self'] }] }
    for await (const page of paginateListDocuments({ client: new SSMClient(settings) }, own))
      names.push(...(page.DocumentIdentifiers ?? []).map(({ Name = '' }) => Name))
    return names
  }
  return { run, functions, documents }
}
