import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'

/** Runs a few lines of bash after the scripts; the lines it printed. */
export const runHost = (
  files: readonly string[],
  script: string,
  args: readonly string[] = [],
): string[] => {
  const sources = ['common', ...files].map((name) => readFileSync(`host/${name}.sh`, 'utf8'))
  const body = [...sources, script].join('\n')
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', body, 'bash', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout.split('\n').slice(0, -1)
}
