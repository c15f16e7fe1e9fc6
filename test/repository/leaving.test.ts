import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'

// IAM deletes no policy that is attached, and no role with a policy that CloudFormation does not know. So the
// page detaches first: here its commands run, on an IAM that is a directory.

const page = readFileSync('docs/leaving.md', 'utf8')
const section = page.slice(page.indexOf('## Removing'), page.indexOf('The following stays'))
const commands = [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text = '']) => text).join('')

const look = 'arn:aws:iam::123456789012:policy/landfall-prod-LookPolicy-1'
const operator = 'arn:aws:iam::123456789012:policy/landfall-prod-OperatorPolicy-1'

/** Answers the questions that the page asks; an attachment is a file, and so is a policy of a role. */
const aws = `#!/bin/sh
verb="$1 $2" all="$*"
while [ $# -gt 0 ]; do
  case $1 in
    --policy-arn) policy=$2 ;;
    --role-name) role=$2 ;;
    --user-name) user=$2 ;;
    --group-name) group=$2 ;;
    --policy-name) name=$2 ;;
    --query) query=$2 ;;
  esac
  shift
done
list() { ls "$IAM/$1" 2>/dev/null | tr '\\n' '\\t'; }
end() { rm "$IAM/$1" || echo "$all" >>"$IAM/wrong"; }
short=\${policy##*/}
case "$verb $query" in
  'cloudformation describe-stacks '*"ends_with(OutputKey, 'Policy')"*) printf '%s\\t%s\\n' '${look}' '${operator}' ;;
  'cloudformation describe-stack-resource '*) echo instance-role ;;
  'iam list-entities-for-policy PolicyUsers[].UserName') list "$short/users" ;;
  'iam list-entities-for-policy PolicyGroups[].GroupName') list "$short/groups" ;;
  'iam list-entities-for-policy PolicyRoles[].RoleName') list "$short/roles" ;;
  'iam list-attached-role-policies '*) for one in $(list "$role/attached"); do echo "arn:aws:iam::aws:policy/$one"; done ;;
  "iam list-role-policies PolicyNames[?@ != 'ssm-agent']") list "$role/inline" | sed 's/ssm-agent.//' ;;
  'iam detach-user-policy '*) end "$short/users/$user" ;;
  'iam detach-group-policy '*) end "$short/groups/$group" ;;
  'iam detach-role-policy '*) if [ -e "$IAM/$short/roles/$role" ]; then end "$short/roles/$role"; else end "$role/attached/$short"; fi ;;
  'iam delete-role-policy '*) end "$role/inline/$name" ;;
  *) echo "$all" >>"$IAM/wrong" ;;
esac
`

/** What CloudFormation would refuse to delete, or nothing. */
const npx = `#!/bin/sh
find "$IAM" -type f ! -path '*/inline/ssm-agent' >"$IAM.refused"
`

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'landfall-leaving-'))
  writeFileSync(join(directory, 'aws'), aws, { mode: 0o755 })
  writeFileSync(join(directory, 'npx'), npx, { mode: 0o755 })
})
afterEach(() => rmSync(directory, { recursive: true }))

const leave = (attachments: readonly string[]) => {
  const iam = join(directory, 'iam')
  for (const file of ['instance-role/inline/ssm-agent', ...attachments]) {
    mkdirSync(dirname(join(iam, file)), { recursive: true })
    writeFileSync(join(iam, file), '')
  }
  const env = {
    PATH: `${directory}:${process.env['PATH'] ?? ''}`,
    IAM: iam,
    AWS_REGION: 'eu-west-3',
  }
  const { stderr } = spawnSync('sh', ['-c', commands], { env, encoding: 'utf8' })
  const refused = readFileSync(`${iam}.refused`, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return { stderr, refused, left: readdirSync(join(iam, 'instance-role/inline')) }
}

it('leaving removes the stack once nobody has its policies and its role has none from outside', () => {
  const { stderr, refused, left } = leave([
    'landfall-prod-LookPolicy-1/users/ada',
    'landfall-prod-OperatorPolicy-1/users/ada',
    'landfall-prod-OperatorPolicy-1/users/bob',
    'landfall-prod-OperatorPolicy-1/groups/developers',
    'landfall-prod-LookPolicy-1/roles/on-call',
    'instance-role/attached/CloudWatchAgentServerPolicy',
    'instance-role/inline/landfall-proxy-log',
  ])
  expect({ stderr, refused }).toEqual({ stderr: '', refused: [] })
  expect(left).toEqual(['ssm-agent'])
})

it('leaving detaches nothing where nothing is attached', () => {
  expect(leave([])).toEqual({ stderr: '', refused: [], left: ['ssm-agent'] })
})

it('the policies for people are all that the stack has in outputs that end in Policy', () => {
  const Roles = z.object({
    Resources: z.record(z.string(), z.object({ Type: z.string() })),
    Outputs: z.record(z.string(), z.unknown()),
  })
  const { Resources, Outputs } = Roles.parse(
    parse(readFileSync('packaging/roles.yml', 'utf8'), { logLevel: 'error' }),
  )
  const policies = Object.keys(Resources).filter(
    (id) => Resources[id]?.Type === 'AWS::IAM::ManagedPolicy',
  )
  expect(Object.keys(Outputs).filter((name) => name.endsWith('Policy'))).toEqual(policies)
})

it("the instance role has no policy of the stack's own but ssm-agent", () => {
  expect(readFileSync('packaging/instances.yml', 'utf8').match(/(?<=PolicyName: ).*/g)).toEqual([
    'ssm-agent',
  ])
})
