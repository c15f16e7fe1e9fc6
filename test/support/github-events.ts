import { createHmac } from 'node:crypto'
import { commit } from './apps.ts'

/** A `push` body as GitHub sends it, cut to what matters and to what must not matter. */
export const pushBody = (changes: Record<string, unknown> = {}) => ({
  ref: 'refs/heads/main',
  before: '0'.repeat(40),
  after: commit,
  created: false,
  deleted: false,
  forced: false,
  compare: 'https://github.com/acme/oc-lettings/compare/aaaaaaaaaaaa...0123456789ab',
  repository: { id: 1, full_name: 'acme/oc-lettings', pushed_at: 1_795_168_800 },
  head_commit: {
    id: commit,
    timestamp: '2026-11-20T09:57:00+01:00',
    message: 'Add a search field\n\nIt searches by city.',
    author: { name: 'Ada Lovelace', email: 'ada@example.com', username: 'ada' },
  },
  ...changes,
})

export const runBody = (
  run: Record<string, unknown> = {},
  changes: Record<string, unknown> = {},
) => ({
  action: 'completed',
  workflow_run: {
    id: 30_433_642,
    name: 'CI',
    path: '.github/workflows/ci.yml',
    event: 'push',
    status: 'completed',
    conclusion: 'success',
    head_branch: 'main',
    head_sha: commit,
    head_repository: { id: 1, full_name: 'acme/oc-lettings' },
    run_number: 7,
    run_attempt: 1,
    created_at: '2026-11-20T10:00:00Z',
    display_title: 'Add a search field',
    html_url: 'https://github.com/acme/oc-lettings/actions/runs/30433642',
    actor: { login: 'grace' },
    head_commit: {
      id: commit,
      message: 'Add a search field\n\nIt searches by city.',
      author: { name: 'Ada Lovelace', email: '4711+ada@users.noreply.github.com' },
    },
    ...run,
  },
  workflow: { name: 'CI', path: '.github/workflows/ci.yml' },
  repository: { id: 1, full_name: 'acme/oc-lettings' },
  ...changes,
})

export const signGithub = (secret: string, body: string | Uint8Array): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
