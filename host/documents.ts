import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

/**
 * What the agent does with one document: the scripts it runs, one after the other in one file, and
 * the parameters it hands over as environment variables `SSM_<Name>`.
 */
interface Recipe {
  readonly description: string
  readonly scripts: readonly string[]
  readonly parameters: Readonly<Record<string, ParameterRule>>
}

interface ParameterRule {
  /**
   * Read by Systems Manager as a Java and by the agent as a Go pattern, so only what both know:
   * no look-around, no repeat above 1000. None lets `{` through: `{{ssm:…}}` in a value would be
   * looked up with the instance's rights.
   */
  readonly allowedPattern: string
}

const common = {
  App: { allowedPattern: '^[a-z][a-z0-9-]{0,38}[a-z0-9]$' },
  /** account/region/stage that may change this app here. */
  Owner: { allowedPattern: '^[0-9]{12}/[a-z0-9-]{1,32}/[a-z][a-z0-9-]{0,31}$' },
  /** Epoch seconds after which the command does nothing. */
  NotAfter: { allowedPattern: '^[0-9]{1,12}$' },
} satisfies Recipe['parameters']

/** What a deployment is made of; a plan asks what it would meet in the deployment's own words. */
const parts = [
  'running.sh',
  'order.sh',
  'state.sh',
  'network.sh',
  'metadata.sh',
  'proxy-config.sh',
  'proxy.sh',
  'live.sh',
  'losses.sh',
  'inspect.sh',
  'image.sh',
  'envelope.sh',
  'container.sh',
  'health.sh',
  'switch.sh',
]

/** Commands with a lower one are refused. */
const fence: ParameterRule = { allowedPattern: '^[0-9]{1,12}$' }

/** Base64 of NUL-terminated name=value entries; not secret. */
const settings: ParameterRule = { allowedPattern: '^[A-Za-z0-9+/]+={0,2}$' }

const recipes = {
  prepare: {
    description:
      'Landfall: checks the instance, answers with its certificate and what serves there',
    scripts: ['common.sh', 'tools.sh', 'running.sh', 'metadata.sh', 'prepare.sh'],
    parameters: common,
  },
  plan: {
    description: 'Landfall: looks at the instance and changes nothing',
    scripts: ['common.sh', 'tools.sh', ...parts, 'plan.sh'],
    parameters: { ...common, Settings: settings },
  },
  deploy: {
    description: 'Landfall: brings a release to the instance, or restores one',
    scripts: ['common.sh', ...parts, 'deploy.sh'],
    parameters: {
      ...common,
      Mode: { allowedPattern: '^(deploy|restore)$' },
      /** What shall run. */
      Generation: { allowedPattern: '^[0-9]{1,9}$' },
      Fence: fence,
      Settings: settings,
      /** Base64 of CMS EnvelopedData for this instance, or - for none. */
      Envelope: { allowedPattern: '^(-|[A-Za-z0-9+/]+={0,2})$' },
    },
  },
  renew: {
    description: 'Landfall: makes the proxies of the instance anew, of another image',
    scripts: ['common.sh', ...parts, 'renew.sh'],
    parameters: {
      Owner: common.Owner,
      NotAfter: common.NotAfter,
      Fence: fence,
      /** The image by its digest. */
      ProxyImage: { allowedPattern: '^[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$' },
    },
  },
} as const satisfies Record<string, Recipe>

export type DocumentKind = keyof typeof recipes

export const documentKinds: readonly DocumentKind[] = ['prepare', 'plan', 'deploy', 'renew']

export interface HostDocument {
  /** `landfall-<stage>-<kind>-<first 8 hex digits of the content's SHA-256>`. */
  readonly name: string
  /** JSON, byte for byte as Systems Manager keeps it. */
  readonly content: string
}

const shebang = '#!/usr/bin/env bash\n'

/**
 * Its comments and the spaces that lines begin with stay in host/: packed they would take a fifth of the document. Each
 * line that begins with `#` is a comment, also in a here-document; behind the head of a function stand its arguments. Nor
 * does it need what goes on on another line, sets functions apart and aligns the table of settings.
 */
const readScript = (file: string): string =>
  readFileSync(new URL(file, import.meta.url), 'utf8')
    .replaceAll(/^ *(?:#.*\n)?/gm, '')
    .replaceAll(/^(\w+\(\) [{(]) #.*$/gm, '$1')
    .replaceAll(/ \\\n/g, ' ')
    .replaceAll(/^\}\n\n/gm, '}\n')
    .replaceAll(/^(\w+) +(\w+\+?) +\^/gm, '$1 $2 ^')

/** The script of a document: its files one after the other under a single shebang line. */
export const renderScript = (kind: DocumentKind): string =>
  shebang + recipes[kind].scripts.map(readScript).join('')

/**
 * A script in less than half its size: a document shares 64 KB with the parameters that it is sent with, and most of
 * that is for the envelope (`docs/decisions/0011-packed-scripts.md`). The whole script is in memory before its first line
 * runs, or nothing runs. With this `memLevel` it is a little smaller. What stands before it, a bash of any age can read: it
 * tells of one that cannot read the rest.
 */
export const packScript = (
  script: string,
): string => `${shebang}# The source, with comments, is host/ in Landfall's repository. To read it here:
#   grep ^H4sI FILE | base64 -d | gzip -d
lacks() {
  printf 'landfall/1 {"outcome":"failed","reason":"tool_missing","message":"%s"}\\n' "$1"
  exit 1
}
((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || lacks 'bash 4.4 or newer is needed (Amazon Linux 2 has 4.2)'
command -v gzip >/dev/null || lacks 'gzip is not installed (apt-get or dnf install gzip)'
script=$(base64 -d <<'END' | gzip -d
${gzipSync(script, { level: 9, memLevel: 7 }).toString('base64')}
END
) || exit 1
eval "$script"
`

const renderContent = (kind: DocumentKind): string => {
  const rules: Recipe['parameters'] = recipes[kind].parameters
  const declare = (rule: ParameterRule) => ({
    type: 'String' as const,
    interpolationType: 'ENV_VAR' as const,
    ...rule,
  })
  const parameters = new Map(Object.entries(rules).map(([name, rule]) => [name, declare(rule)]))
  return JSON.stringify({
    schemaVersion: '2.2',
    description: recipes[kind].description,
    parameters: Object.fromEntries<ReturnType<typeof declare>>(parameters),
    mainSteps: [
      {
        action: 'aws:runShellScript',
        name: kind,
        // A constant: a parameter here would silently become 3600. The script has its own, shorter limit.
        inputs: { timeoutSeconds: '1800', runCommand: [packScript(renderScript(kind))] },
      },
    ],
  })
}

/**
 * An SSM Command document as the stack creates it: CloudFormation hands a string on as it is, and would indent an
 * object. The hash in its name pins the content: a Lambda names the document it was packaged with and its version 1,
 * never `$DEFAULT`, so a stack update mixes nothing.
 */
export const buildDocument = (kind: DocumentKind, stage: string): HostDocument => {
  const content = renderContent(kind)
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8)
  return { name: `landfall-${stage}-${kind}-${hash}`, content }
}
