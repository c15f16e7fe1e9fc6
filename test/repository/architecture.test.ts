import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'

const Report = z.object({
  summary: z.object({
    violations: z.array(
      z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) }),
    ),
    ruleSetUsed: z.object({
      forbidden: z.array(z.object({ name: z.string(), comment: z.string() })),
    }),
  }),
})

const folders = ['src', 'handlers', 'cli', 'host', 'local', 'bench', 'test']

const cruise = (directory: string): z.infer<typeof Report>['summary'] => {
  const { stdout } = spawnSync(
    join(process.cwd(), 'node_modules/.bin/depcruise'),
    ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders],
    { cwd: directory, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  )
  return Report.parse(JSON.parse(stdout)).summary
}

/** A small tree in which every rule is broken once; `import` lines only, `import()` where in brackets. */
const broken: Readonly<Record<string, readonly string[]>> = {
  'src/kernel/clock.ts': ['../deployment/head.ts'],
  'src/deployment/head.ts': ['../aws/ssm.ts', 'zod'],
  'src/answers/status.ts': ['../aws/ssm.ts'],
  'src/api/client.ts': ['../aws/ssm.ts'],
  'src/carry/carry.ts': ['../aws/ssm.ts'],
  'src/delivery/receive.ts': ['../sources/github.ts'],
  'src/rollout/reconcile.ts': ['../targets/ec2.ts'],
  'src/sources/github.ts': ['../journal/table.ts'],
  'src/targets/ec2.ts': ['../aws/ssm.ts', '@aws-sdk/client-ssm'],
  'src/secrets/envelope.ts': ['../registry/registry.ts', './encrypt-cms.ts'],
  'src/secrets/encrypt-cms.ts': ['../kernel/clock.ts'],
  'src/page/access.ts': ['../aws/ssm.ts'],
  'src/registry/registry.ts': ['../secrets/envelope.ts', 'node:https'],
  'src/journal/table.ts': ['../aws/ssm.ts', './none.ts'],
  'src/aws/ecr.ts': [],
  'src/aws/ssm.ts': ['../journal/table.ts', '(./ecr.ts)', 'vitest'],
  'src/config/load.ts': ['../aws/ssm.ts'],
  'src/github/token.ts': ['../aws/ssm.ts'],
  'src/report/sentry.ts': ['../aws/ssm.ts'],
  'src/report/notice.ts': ['@sentry/aws-serverless', './sentry.ts', 'yaml', 'node:fs'],
  'src/compose-operate.ts': [],
  'src/rollout/write.ts': [
    '../lambda.ts',
    '../compose-operate.ts',
    'node:crypto',
    'node:child_process',
    'node:zlib',
  ],
  'src/lambda.ts': ['./rollout/write.ts'],
  'handlers/webhook.ts': ['./status.ts', '../host/documents.ts'],
  'handlers/status.ts': [],
  'cli/main.ts': ['../src/rollout/write.ts', '@aws-sdk/client-lambda', './aws.ts'],
  'cli/aws.ts': [],
  'host/documents.ts': ['../local/start.ts', '../cli/main.ts'],
  'local/start.ts': ['./aws/index.ts'],
  'local/aws/index.ts': ['./aws.ts'],
  'local/aws/aws.ts': ['../base/listen.ts', '../../src/kernel/clock.ts'],
  'local/base/listen.ts': ['../start.ts'],
  'bench/fleet.ts': ['../local/aws/aws.ts'],
  'test/support/local-aws.ts': ['../../local/aws/index.ts'],
}

const configurations = [
  '.dependency-cruiser.cjs',
  'packaging/command-line-rules.cjs',
  'packaging/late-files.cjs',
  'tsconfig.json',
  'package.json',
]

const plant = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-architecture-'))
  for (const [file, imports] of Object.entries(broken)) {
    mkdirSync(join(directory, dirname(file)), { recursive: true })
    const lines = imports.map((one) =>
      one.startsWith('(') ? `await import('${one.slice(1, -1)}')` : `import '${one}'`,
    )
    writeFileSync(join(directory, file), [...lines, 'export const x = 1', ''].join('\n'))
  }
  for (const file of configurations) cpSync(file, join(directory, file))
  symlinkSync(join(process.cwd(), 'node_modules'), join(directory, 'node_modules'))
  return directory
}

describe('imports', () => {
  let planted: ReturnType<typeof cruise>
  beforeAll(() => {
    const directory = plant()
    planted = cruise(directory)
    rmSync(directory, { recursive: true })
  })

  test('each dependency rule finds what it forbids, and has a comment', () => {
    const { violations, ruleSetUsed } = planted
    const caught = new Set(violations.map(({ rule }) => rule.name))
    const rules = ruleSetUsed.forbidden
    expect(rules.map(({ name }) => name).filter((name) => !caught.has(name))).toEqual([])
    expect(rules.filter(({ comment }) => comment.length < 40)).toEqual([])
  })

  test('the emulator is imported by its public face, and imports nothing but local/base', () => {
    const found = planted.violations.filter(({ rule }) => rule.name.startsWith('emulator-'))
    expect(found.map(({ from, to, rule }) => `${rule.name}: ${from} -> ${to}`)).toEqual([
      'emulator-has-one-face: bench/fleet.ts -> local/aws/aws.ts',
      'emulator-stands-alone: local/aws/aws.ts -> src/kernel/clock.ts',
    ])
  })
})

type Rule = readonly [name: string, places: readonly string[], isFound: (node: ts.Node) => boolean]

const textOf = (node: ts.Node): string => node.getText()
const isCall = (node: ts.Node, callee: RegExp): boolean =>
  ts.isCallExpression(node) && callee.test(textOf(node.expression))

/** Capabilities that need no import, and the one file that has each. */
const capabilities: readonly Rule[] = [
  [
    'the environment',
    ['src/config/environment.ts'],
    (node) => ts.isPropertyAccessExpression(node) && textOf(node) === 'process.env',
  ],
  [
    'the clock',
    ['src/kernel/clock.ts'],
    (node) =>
      isCall(node, /^(Date\.now|performance\.now|process\.hrtime.*|Date)$/) ||
      (ts.isNewExpression(node) &&
        textOf(node.expression) === 'Date' &&
        (node.arguments ?? []).length === 0),
  ],
  [
    'timers',
    ['src/kernel/clock.ts'],
    (node) => isCall(node, /^(setTimeout|setInterval|setImmediate)$/),
  ],
  [
    'randomness',
    ['src/kernel/id.ts', 'src/secrets/'],
    (node) => isCall(node, /(^|\.)(random|randomUUID|randomBytes|randomInt|getRandomValues)$/),
  ],
  [
    'the console',
    ['src/kernel/log.ts'],
    (node) =>
      ts.isPropertyAccessExpression(node) &&
      /^(console\.\w+|process\.(stdout|stderr))$/.test(textOf(node)),
  ],
  ['the way out', ['src/kernel/http.ts'], (node) => isCall(node, /^(globalThis\.)?fetch$/)],
]

const usesIn = (file: string, text: string): string[] => {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    for (const [name, places, isFound] of capabilities)
      if (isFound(node) && !places.some((place) => file.startsWith(place)))
        found.push(`${file} uses ${name}: ${textOf(node)}`)
    node.forEachChild(visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
  return found
}

const productFiles = ['src', 'handlers'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`),
)

describe('capabilities', () => {
  test('each capability is used in its one place', () => {
    expect(productFiles.flatMap((file) => usesIn(file, readFileSync(file, 'utf8')))).toEqual([])
  })

  test.each([
    ['the environment', "const stage = process.env['STAGE']"],
    ['the clock', 'const now = Date.now()'],
    ['the clock', 'const now = new Date()'],
    ['timers', 'setTimeout(() => 1, 5)'],
    ['randomness', 'const id = crypto.randomUUID()'],
    ['the console', "console.log('x')"],
    ['the console', "process.stdout.write('x')"],
    ['the way out', "await fetch('https://example.com')"],
  ])('the search for capabilities finds %s: %s', (name, line) => {
    expect(usesIn('src/rollout/write.ts', line)).toEqual([
      expect.stringMatching(`^src/rollout/write.ts uses ${name}: `),
    ])
  })

  test('a given time is not a use of the clock', () => {
    expect(usesIn('src/rollout/write.ts', 'new Date(text); Date.parse(text)')).toEqual([])
  })
})

/** What decides by data; a schema's own rules are expressions. */
const branches: readonly ((node: ts.Node) => boolean)[] = [
  ts.isIfStatement,
  ts.isConditionalExpression,
  ts.isSwitchStatement,
  ts.isTryStatement,
  (node) => ts.isIterationStatement(node, false),
]

const branchesIn = (file: string, text: string): readonly string[] => {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (branches.some((isBranch) => isBranch(node))) found.push(`${file}: ${textOf(node)}`)
    node.forEachChild(visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
  return found
}

describe('handlers', () => {
  const handlers = productFiles.filter((file) => file.startsWith('handlers/'))

  test.each(handlers)('%s has services, one call and no branch', (file) => {
    const text = readFileSync(file, 'utf8')
    expect(branchesIn(file, text)).toEqual([])
    expect(text.match(/^export .*$/gm)).toEqual([
      expect.stringMatching(/^export const handler = lambda\('[\w-]+', compose, /),
    ])
  })

  test.each(['if (x) y()', 'x ? y : z', 'switch (x) {}', 'for (const x of y) z()'])(
    'the search for branches finds %s',
    (text) => {
      expect(branchesIn('handlers/x.ts', text)).toHaveLength(1)
    },
  )
})

describe('host scripts', () => {
  const scripts = readdirSync('host').filter((file) => file.endsWith('.sh'))

  test.each(scripts)('%s is bash and disables no rule of ShellCheck', (file) => {
    expect(readFileSync(join('host', file), 'utf8')).not.toMatch(/shellcheck disable/)
    execFileSync('bash', ['-n', join('host', file)])
  })

  test.each(scripts)('%s declares its globals before its first function', (file) => {
    const lines = readFileSync(join('host', file), 'utf8').split('\n')
    const first = lines.findIndex((line) => /^\w+\(\)/.test(line))
    expect(lines.slice(first).filter((line) => /^(declare |\w+\+?=)/.test(line))).toEqual([])
  })
})
