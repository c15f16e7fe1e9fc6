import { expect, test } from 'vitest'
import { parseConfiguration } from '../../../src/config/read.ts'

const file = `sources:
  github: { secret: landfall/prod/github }
  docker-hub: { secret: landfall/prod/docker-hub }
apps:
  shop:
    repository: acme/shop
    image: acme/shop
    requires: [{ ci: github, workflow: CI }, image]
    env: { DEBUG: "False" }
    targets:
      - ec2:
          instances: { tag: "Name=shop" }
          port: 8000
          publish: 80
`

const read = (text: string) => parseConfiguration(text, 'landfall.yml')

const mistakesOf = (text: string): readonly string[] => {
  const parsed = read(text)
  return parsed.ok ? [] : parsed.error
}

const warningsOf = (text: string): readonly string[] => {
  const parsed = read(text)
  if (!parsed.ok) throw new Error(parsed.error.join('\n'))
  return parsed.value.warnings
}

/** The file with one line's text replaced; the test fails where it is not there. */
const edit = (from: string, to: string): string => {
  if (!file.includes(from)) throw new Error(`"${from}" is not in the file`)
  return file.replace(from, to)
}

/** The file with more lines below its EC2 target, or below its app. */
const aHost =
  'a host name without scheme, port, path or *, such as lettings.example.com (name each, or leave hosts out to receive all)'
const aRange =
  'a range of IPv4 addresses with a prefix of 8 to 32, such as 192.0.2.0/24 (Docker shows the proxy no IPv6 address)'

const ec2With = (lines: string): string => edit('publish: 80', `publish: 80\n          ${lines}`)
const appWith = (lines: string): string => edit('requires:', `${lines}\n    requires:`)

test('accepts a file without mistakes', () => {
  expect(mistakesOf(file)).toEqual([])
  expect(warningsOf(file)).toEqual([])
})

const at = (line: number, column: number, path: string): string =>
  `landfall.yml:${line}:${column} ${path}`
const ec2 = 'apps.shop.targets[0].ec2'

test.each([
  ['branch', 'refs/heads/main', 'main'],
  ['branch', 'refs/heads/release/1.0', 'release/1.0'],
  ['branch', 'refs/remotes/origin/main', 'main'],
  ['repository', 'acme/shop.git', 'acme/shop'],
  ['repository', 'https://github.com/acme/shop', 'acme/shop'],
  ['repository', 'https://github.com/Acme/Shop.git', 'Acme/Shop'],
  ['repository', 'git@github.com:acme/shop.git', 'acme/shop'],
  ['repository', 'github.com/acme/shop', 'acme/shop'],
  ['repository', 'https://github.com/acme/shop/tree/main', 'acme/shop'],
  ['repository', 'acme/shop.GIT', 'acme/shop'],
  ['image', 'https://hub.docker.com/r/acme/shop', 'acme/shop'],
  ['image', 'hub.docker.com/r/acme/shop/tags', 'acme/shop'],
  ['image', 'https://hub.docker.com/repository/docker/acme/shop/general', 'acme/shop'],
  ['image', 'hub.docker.com/_/nginx', 'nginx'],
  ['image', 'docker.com/acme/shop', 'acme/shop'],
  ['image', 'Acme/Shop', 'acme/shop'],
  ['image', 'Acme/shop', 'acme/shop'],
  ['image', 'registry.example:5000/Acme/shop', 'registry.example:5000/acme/shop'],
  ['image', 'https://ghcr.io/acme/shop', 'ghcr.io/acme/shop'],
  ['image', 'https://github.com/acme/shop/pkgs/container/shop', 'ghcr.io/acme/shop'],
  ['image', 'https://quay.io/repository/acme/shop', 'quay.io/acme/shop'],
  ['image', 'quay.io/repository/acme/shop', 'quay.io/acme/shop'],
  ['image', 'gallery.ecr.aws/acme/shop', 'public.ecr.aws/acme/shop'],
  ['image', 'acme/shop:latest', 'acme/shop'],
])('says how to write the %s %s', (key, written, meant) => {
  const text =
    key === 'branch'
      ? appWith(`branch: ${written}`)
      : edit(`    ${key}: acme/shop`, `    ${key}: ${written}`)
  const mistakes = mistakesOf(text)
  expect(mistakes).toHaveLength(1)
  expect(mistakes[0]).toContain(` apps.shop.${key}: must be `)
  expect(mistakes[0]).toContain(`: here ${meant}, got "${written}"`)
})

test.each([
  ['repository', 'https://gitlab.com/acme/shop'],
  ['repository', 'shop'],
  ['repository', 'GitHub.com/acme'],
  ['repository', 'acme/..'],
  ['branch', 'refs/tags/v1'],
  ['image', 'github.com/acme/shop'],
])('refuses the %s %s, of which it is not known what is meant', (key, written) => {
  const text =
    key === 'branch'
      ? appWith(`branch: ${written}`)
      : edit(`    ${key}: acme/shop`, `    ${key}: ${written}`)
  const [mistake = '', ...others] = mistakesOf(text)
  expect(others).toEqual([])
  expect(mistake).toContain(` apps.shop.${key}: must be `)
  expect(mistake).not.toContain(': here ')
})

test.each(['Registry.Example:5000/acme/shop', 'localhost/shop', 'my.app', 'ghcr.io/acme/shop'])(
  'takes the image %s',
  (image) => {
    expect(mistakesOf(edit('    image: acme/shop', `    image: ${image}`))).toEqual([])
  },
)

test.each([
  [
    'the alias of a KMS key, for which IAM grants nothing',
    `kms: [arn:aws:kms:eu-west-3:123456789012:alias/secrets]\n${edit('shop:', 'shop:')}`,
    `${at(1, 7, 'kms[0]')}: must be the ARN of a KMS key, such as arn:aws:kms:eu-west-3:123456789012:key/0a1b2c3d-…; not an alias, got "arn:aws:kms:eu-west-3:123456789012:alias/secrets"`,
  ],
  [
    'an app with a reserved name',
    edit('shop:', 'instance:'),
    `${at(5, 3, 'apps.instance')}: is a reserved name`,
  ],
  [
    'a port that is not a number',
    edit('port: 8000', 'port: "80a"'),
    `${at(13, 17, `${ec2}.port`)}: must be a whole number from 1 to 65535, got "80a"`,
  ],
  [
    'a port out of range',
    edit('port: 8000', 'port: 70000'),
    `${at(13, 17, `${ec2}.port`)}: must be a whole number from 1 to 65535, got 70000`,
  ],
  [
    'an unknown key near a known one',
    edit('port: 8000', 'port: 8000\n          helth: { path: / }'),
    `${at(14, 11, `${ec2}.helth`)}: is not a known key; did you mean "health"?`,
  ],
  [
    'an unknown key near none',
    edit('github:', 'bitbucket: { secret: x }\n  github:'),
    `${at(2, 3, 'sources.bitbucket')}: is not a known key; known here: github, circleci, docker-hub`,
  ],
  [
    'a repeated key',
    edit('image: acme/shop', 'image: acme/shop\n    image: acme/other'),
    'landfall.yml:8:5 the key "image" is repeated',
  ],
  [
    'a missing key',
    edit('    image: acme/shop\n', ''),
    `${at(5, 3, 'apps.shop.image')}: is missing; it must be an image without its tag, such as acme/oc-lettings or registry.example:5000/name (the tag goes to "tag")`,
  ],
  [
    'an image with its tag',
    edit('image: acme/shop', 'image: acme/shop:latest'),
    `${at(7, 12, 'apps.shop.image')}: must be an image without its tag, such as acme/oc-lettings or registry.example:5000/name (the tag goes to "tag"): here acme/shop, got "acme/shop:latest"`,
  ],
  [
    'an image whose registry has no possible port',
    edit('image: acme/shop', 'image: registry.example:99999/shop'),
    `${at(7, 12, 'apps.shop.image')}: must be an image whose registry is a host name and a port, got "registry.example:99999/shop"`,
  ],
  [
    'an image whose registry is no address',
    edit('image: acme/shop', 'image: 1.2.3.999/shop'),
    `${at(7, 12, 'apps.shop.image')}: must be an image whose registry is a host name and a port, got "1.2.3.999/shop"`,
  ],
  [
    'a registry without a login or a token service',
    appWith('registry: {}'),
    `${at(8, 15, 'apps.shop.registry')}: must be the name of a secret, or { secret: …, realm: https://… }`,
  ],
  [
    'a token service without HTTPS',
    appWith('registry: { realm: "http://auth.example.com/token" }'),
    `${at(8, 24, 'apps.shop.registry.realm')}: must be the https address of a token service as its registry names it, such as https://auth.example.com/token, got "http://auth.example.com/token"`,
  ],
  [
    'a token service on this machine for a registry elsewhere',
    appWith('registry: { realm: "http://localhost:9001/token" }'),
    `${at(8, 24, 'apps.shop.registry.realm')}: is on this machine, and the registry is not: it is never asked`,
  ],
  [
    'a tag with another placeholder',
    appWith('tag: "{sha}"'),
    `${at(8, 10, 'apps.shop.tag')}: must be a tag or a template of one, such as "{commit}", "main-{commit}" or latest; {commit} is the only placeholder, got "{sha}"`,
  ],
  [
    'an unknown way to deploy',
    appWith('deploy: auto'),
    `${at(8, 13, 'apps.shop.deploy')}: must be automatic or manual, got "auto"`,
  ],
  [
    'a duration without its unit',
    appWith('waitFor: 3600'),
    `${at(8, 14, 'apps.shop.waitFor')}: must be a duration from 1m to 168h, such as 30s, 5m or 2h, got 3600`,
  ],
  [
    'a duration that is too long',
    appWith('deadline: 24h'),
    `${at(8, 15, 'apps.shop.deadline')}: must be a duration from 3m to 6h, such as 30s, 5m or 2h, got "24h"`,
  ],
  [
    'a range that runs backwards',
    edit('port: 8000', 'port: 8000\n          health: { expect: 399-200 }'),
    `${at(14, 29, `${ec2}.health.expect`)}: must be an HTTP status or a range of them, such as 200 or 200-299, got "399-200"`,
  ],
  [
    'an invalid address to publish on',
    edit('publish: 80', 'publish: "localhost:80"'),
    `${at(14, 20, `${ec2}.publish`)}: must be a port from 1 to 65535 or an address and a port, such as "127.0.0.1:8080", got "localhost:80"`,
  ],
  [
    'a batch of nothing',
    ec2With('rollout: { batch: 0 }'),
    `${at(15, 29, `${ec2}.rollout.batch`)}: must be a number of instances from 1 to 50 or a share of them, such as "25%", got 0`,
  ],
  [
    'an amount of memory in another notation',
    ec2With('run: { memory: 1GiB }'),
    `${at(15, 26, `${ec2}.run.memory`)}: must be an amount of memory of at least 6m, such as 512m or 2g, got "1GiB"`,
  ],
  [
    'less memory than Docker requires',
    ec2With('run: { memory: 512k }'),
    `${at(15, 26, `${ec2}.run.memory`)}: must be an amount of memory of at least 6m, such as 512m or 2g, got "512k"`,
  ],
  [
    'a path that HTTP cannot hold',
    ec2With('health: { path: /santé }'),
    `${at(15, 27, `${ec2}.health.path`)}: must be a path that begins with / and holds no spaces, no # and nothing but ASCII (é is %C3%A9), got "/santé"`,
  ],
  [
    'a NUL character in a command',
    ec2With('run: { command: [run, "a\\0replaces=x"] }'),
    `${at(15, 33, `${ec2}.run.command[1]`)}: must be text without NUL characters, got "a\\u0000replaces=x"`,
  ],
  [
    'a predeploy without a program',
    ec2With('predeploy: ["", x]'),
    `${at(15, 23, `${ec2}.predeploy[0]`)}: must be the name of a program, got ""`,
  ],
  [
    'an address that Docker reads differently',
    edit('publish: 80', 'publish: "127.0.0.01:80"'),
    `${at(14, 20, `${ec2}.publish`)}: must be a port from 1 to 65535 or an address and a port, such as "127.0.0.1:8080", got "127.0.0.01:80"`,
  ],
  [
    'a relative path as a volume',
    ec2With('strategy: recreate\n          run: { volumes: ["./data:/data"] }'),
    `${at(16, 28, `${ec2}.run.volumes[0]`)}: must be a volume or an absolute path of the instance, and where it appears in the container, such as "data:/data" or "/srv/media:/media:ro", got "./data:/data"`,
  ],
  [
    'a URL as a host',
    ec2With('hosts: ["https://shop.example.com/"]'),
    `${at(15, 19, `${ec2}.hosts[0]`)}: must be ${aHost}: here shop.example.com, got "https://shop.example.com/"`,
  ],
  [
    'a host with a port',
    ec2With('hosts: ["Shop.example.com.:8080"]'),
    `${at(15, 19, `${ec2}.hosts[0]`)}: must be ${aHost}: here shop.example.com, got "Shop.example.com.:8080"`,
  ],
  [
    'a host in letters that no Host header has',
    ec2With('hosts: [bücher.example]'),
    `${at(15, 19, `${ec2}.hosts[0]`)}: must be ${aHost}: here xn--bcher-kva.example, got "bücher.example"`,
  ],
  [
    'all hosts of a domain',
    ec2With('hosts: ["*.example.com"]'),
    `${at(15, 19, `${ec2}.hosts[0]`)}: must be ${aHost}, got "*.example.com"`,
  ],
  [
    'a host that is an IPv6 address',
    ec2With('hosts: ["[::1]"]'),
    `${at(15, 19, `${ec2}.hosts[0]`)}: must be ${aHost}, got "[::1]"`,
  ],
  [
    'a trusted address in place of a range',
    ec2With('trusted: [192.0.2.7]'),
    `${at(15, 21, `${ec2}.trusted[0]`)}: must be ${aRange}, got "192.0.2.7"`,
  ],
  [
    'trust in everybody',
    ec2With('trusted: [0.0.0.0/0]'),
    `${at(15, 21, `${ec2}.trusted[0]`)}: must be ${aRange}, got "0.0.0.0/0"`,
  ],
  [
    'a trusted range of IPv6',
    ec2With('trusted: ["2001:db8::/32"]'),
    `${at(15, 21, `${ec2}.trusted[0]`)}: must be ${aRange}, got "2001:db8::/32"`,
  ],
  [
    'a trusted range that does not begin with its first address',
    ec2With('trusted: [192.0.2.7/24]'),
    `${at(15, 21, `${ec2}.trusted[0]`)}: must be ${aRange}, whose address is the first of the range, got "192.0.2.7/24"`,
  ],
  [
    'trusted addresses behind a loopback address',
    edit('publish: 80', 'publish: "127.0.0.1:80"\n          trusted: [192.0.2.0/24]'),
    `${at(15, 20, `${ec2}.trusted`)}: has no effect where publish has a loopback address: only programs of the instance come that way, and are trusted; remove it`,
  ],
  [
    'a number in a command',
    ec2With('predeploy: [sleep, 5]'),
    `${at(15, 30, `${ec2}.predeploy[1]`)}: must be text; put it in quotes, got 5`,
  ],
  [
    'a command as one text',
    ec2With('predeploy: python manage.py migrate'),
    `${at(15, 22, `${ec2}.predeploy`)}: must be a list of words, such as [python, manage.py, migrate], or { command: [python, manage.py, migrate], entrypoint: false }, got "python manage.py migrate"`,
  ],
  [
    'a tag to select by that has no value',
    edit('tag: "Name=shop"', 'tag: shop'),
    `${at(12, 29, `${ec2}.instances.tag`)}: must be a tag written as "Key=value", such as "Name=lettings", got "shop"`,
  ],
  [
    'an id that is none',
    edit('tag: "Name=shop"', 'ids: [shop-1]'),
    `${at(12, 30, `${ec2}.instances.ids[0]`)}: must be the id of an instance, such as i-0123456789abcdef0, got "shop-1"`,
  ],
  [
    'instances that are not selected at all',
    edit('{ tag: "Name=shop" }', '{}'),
    `${at(12, 22, `${ec2}.instances`)}: has neither tag nor ids: { tag: "Name=lettings" } or { ids: [i-0123456789abcdef0] }`,
  ],
  [
    'instances that are selected twice',
    edit('tag: "Name=shop"', 'tag: "Name=shop", ids: [i-0123456789abcdef0]'),
    `${at(12, 22, `${ec2}.instances`)}: has both tag and ids; remove one of them`,
  ],
  [
    'an unknown form of requirement',
    edit(', image]', ', imge]'),
    `${at(8, 46, 'apps.shop.requires[1]')}: must be image, or { ci: github, workflow: CI }, got "imge"`,
  ],
  [
    'an unknown CI',
    edit('ci: github', 'ci: travis'),
    `${at(8, 22, 'apps.shop.requires[0].ci')}: must be github or circleci, got "travis"`,
  ],
  [
    'a workflow without its name',
    edit('{ ci: github, workflow: CI }', '{ ci: github }'),
    `${at(8, 16, 'apps.shop.requires[0].workflow')}: is missing; it must be the name of a workflow`,
  ],
  [
    'a CI whose source is not configured',
    edit('ci: github', 'ci: circleci'),
    `${at(8, 22, 'apps.shop.requires[0].ci')}: requires circleci, but there is no sources.circleci: add circleci: { secret: … } there`,
  ],
  [
    'a workflow that is required twice',
    edit(', image]', ', { ci: github, workflow: CI }]'),
    `${at(8, 46, 'apps.shop.requires[1]')}: requires github CI twice`,
  ],
  [
    'a workflow of no repository',
    edit('    repository: acme/shop\n', ''),
    `${at(5, 3, 'apps.shop.repository')}: is missing: requires names a workflow of a repository`,
  ],
  [
    'the name of an alarm that would be a variable of the template',
    appWith('rollback: { alarms: ["shop-${AWS::Region}"] }'),
    `${at(8, 26, 'apps.shop.rollback.alarms[0]')}: must be a CloudWatch alarm's name, such as oc-lettings-5xx: not its ARN, and without \${, got "shop-\${AWS::Region}"`,
  ],
  [
    'more alarms than one app may have',
    edit(
      'requires:',
      `rollback: { alarms: [${Array.from({ length: 11 }, (_, index) => `a${index}`).join(', ')}] }\n    requires:`,
    ),
    `${at(8, 25, 'apps.shop.rollback.alarms')}: must be a list of at most 10 alarms; a composite alarm of CloudWatch can combine more, got a list`,
  ],
  [
    'an ARN where an alarm is named',
    appWith('rollback: { alarms: ["arn:aws:cloudwatch:eu-west-3:1:alarm:a"] }'),
    `${at(8, 26, 'apps.shop.rollback.alarms[0]')}: must be a CloudWatch alarm's name, such as oc-lettings-5xx: not its ARN, and without \${, got "arn:aws:cloudwatch:eu-west-3:1:alarm:a"`,
  ],
  [
    'a report to no repository',
    edit('    repository: acme/shop\n', '    reports: { github: landfall/token }\n').replace(
      '{ ci: github, workflow: CI }, ',
      '',
    ),
    `${at(6, 24, 'apps.shop.reports.github')}: needs repository, to which it reports`,
  ],
  [
    'an image that nothing announces',
    edit('[{ ci: github, workflow: CI }, image]', '[image]')
      .replace('image: acme/shop', 'image: registry.example:5000/shop')
      .replace('    repository: acme/shop\n', ''),
    `${at(7, 15, 'apps.shop.requires')}: nothing announces a new image: require a CI workflow, or configure sources.docker-hub for an image on Docker Hub, or keep it at Amazon ECR, or configure sources.github with repository and a tag with {commit}`,
  ],
  [
    'a boolean in env',
    edit('"False"', 'False'),
    `${at(9, 19, 'apps.shop.env.DEBUG')}: must be text; put it in quotes, got False`,
  ],
  [
    'an invalid name in env',
    edit('DEBUG:', '"2FAST":'),
    `${at(9, 12, 'apps.shop.env.2FAST')}: "2FAST" is not a name for a variable`,
  ],
  [
    'a value of several lines under a name that controls the shell',
    edit('{ DEBUG: "False" }', '{ LD_PRELOAD: "a\\nb" }'),
    `${at(9, 12, 'apps.shop.env.LD_PRELOAD')}: "LD_PRELOAD" steers the shell or docker and cannot have a value with line breaks`,
  ],
  [
    'a name of an app with capitals',
    edit('  shop:', '  Shop_1:'),
    `${at(5, 3, 'apps.Shop_1')}: an app's name is 2 to 40 lower-case letters, digits and "-", and begins with a letter: it is part of URLs, paths and container names`,
  ],
  [
    'no app at all',
    `${file.slice(0, file.indexOf('apps:'))}apps: {}\n`,
    'landfall.yml:4:7 apps: has no app',
  ],
  [
    'no target',
    `${file.slice(0, file.indexOf('    targets:'))}    targets: []\n`,
    `${at(10, 14, 'apps.shop.targets')}: must be a list of at least one target, got a list`,
  ],
  [
    'a target of no kind',
    `${file}      - {}\n`,
    `${at(15, 9, 'apps.shop.targets[1]')}: must have one of ec2, render and heroku, not 0 of them`,
  ],
  [
    'the same instances twice',
    `${file}      - ec2: { instances: { tag: "Name=shop" }, port: 1, publish: 81 }\n`,
    `${at(15, 27, 'apps.shop.targets[1].ec2.instances')}: also selects instances of apps.shop.targets[0].ec2; an app runs once per instance`,
  ],
  [
    'a missing port',
    edit('          port: 8000\n', ''),
    `${at(11, 9, `${ec2}.port`)}: is missing: on which port does the container listen?`,
  ],
  [
    'a missing address',
    edit('          publish: 80\n', ''),
    `${at(11, 9, `${ec2}.publish`)}: is missing: on which port of the instance is the app reached? (80, or "127.0.0.1:8080" behind your own proxy)`,
  ],
  [
    'a drain of a strategy under which nobody waits',
    ec2With('drain: 5s'),
    `${at(15, 18, `${ec2}.drain`)}: has an effect for recreate only: with blue-green no request waits for the last ones of the old release, which have run.stopTimeout`,
  ],
  [
    'a port of a worker',
    edit('          publish: 80\n', '          strategy: worker\n'),
    `${at(13, 17, `${ec2}.port`)}: has no effect for a worker, which gets no requests`,
  ],
  [
    'an unknown strategy',
    ec2With('strategy: bluegreen'),
    `${at(15, 21, `${ec2}.strategy`)}: must be blue-green, recreate or worker, got "bluegreen"`,
  ],
  [
    'a health check that is over before it can pass',
    ec2With('health: { interval: 10s, times: 3, timeout: 20s }'),
    `${at(15, 55, `${ec2}.health.timeout`)}: ends before the container can answer 3 times, every 10s`,
  ],
  [
    'a list where a mapping belongs',
    edit('{ DEBUG: "False" }', '[DEBUG]'),
    `${at(9, 10, 'apps.shop.env')}: must be a mapping of names to texts, got a list`,
  ],
  [
    'an app that is a text',
    'apps:\n  shop: acme/shop\n',
    'landfall.yml:2:9 apps.shop: must be a mapping of keys to values, got "acme/shop"',
  ],
  [
    'an empty file',
    '',
    'landfall.yml:1:1 apps: is missing; it must be a mapping of app names to apps',
  ],
  [
    'YAML that is not closed',
    'apps: { shop: [1, 2 }\n',
    'landfall.yml:1:21 Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'aliases that expand without end',
    `a: &a [x, x, x, x, x, x, x, x, x, x]\n${['b', 'c', 'd', 'e']
      .map((name, index) => `${name}: &${name} [${`*${'abcd'[index]}, `.repeat(10)}x]`)
      .join('\n')}\n`,
    'landfall.yml:1:1 Excessive alias count indicates a resource exhaustion attack',
  ],
])('reports %s, with its place', (_, text, expected) => {
  expect(mistakesOf(text)).toContain(expected)
})

test('requires no announcement of images in a registry on this machine', () => {
  const text = edit('image: acme/shop', 'image: localhost:5000/acme/shop\n    tag: latest').replace(
    '[{ ci: github, workflow: CI }, image]',
    '[image]',
  )
  expect(mistakesOf(text)).toEqual([])
  expect(mistakesOf(text.replace('localhost', 'registry.example'))).toHaveLength(1)
})

test('warns that pushes to Amazon ECR are told to a stack of the same account and region only', () => {
  const atEcr = edit('image: acme/shop', 'image: 123456789012.dkr.ecr.eu-west-3.amazonaws.com/shop')
  expect(mistakesOf(atEcr)).toEqual([])
  const alone = atEcr.replace('[{ ci: github, workflow: CI }, image]', '[image]')
  expect(warningsOf(alone)).toEqual([
    expect.stringContaining('apps.shop.image: warning: is announced by an event of Amazon ECR'),
  ])
})

test('explains the choice of strategy that volumes require', () => {
  const text = ec2With('run: { volumes: ["data:/data"] }')
  expect(mistakesOf(text)).toEqual([
    expect.stringMatching(
      /^landfall\.yml:11:9 .*\.ec2\.strategy: is missing: volumes .*blue-green.*no request waits; recreate.*SQLite/,
    ),
  ])
})

test('reports all mistakes at once, in the order of the file', () => {
  const text = edit('port: 8000', 'port: "80a"\n          run: { volumes: ["data:/data"] }')
    .replace('"False"', 'False')
    .replace('ci: github', 'ci: circleci')
  expect(mistakesOf(text).map((line) => line.split(': ')[0])).toEqual([
    'landfall.yml:8:22 apps.shop.requires[0].ci',
    'landfall.yml:9:19 apps.shop.env.DEBUG',
    `landfall.yml:11:9 ${ec2}.strategy`,
    `landfall.yml:13:17 ${ec2}.port`,
  ])
})

test('checks the other apps where one is incomplete', () => {
  const text = `${file}  blog: { requires: [image] }\n`.replace('ci: github', 'ci: circleci')
  expect(mistakesOf(text).map((line) => line.split(': ')[0])).toEqual([
    'landfall.yml:8:22 apps.shop.requires[0].ci',
    'landfall.yml:15:3 apps.blog.image',
    'landfall.yml:15:3 apps.blog.targets',
  ])
})

test('does not quote a wrong value in the place of a secret name', () => {
  const planted = 'hunter2 is my password'
  const [mistake, ...others] = mistakesOf(
    edit('env:', `secrets: "${planted}"\n    reports: { github: "${planted}" }\n    env:`),
  )
  expect(mistake).toContain('apps.shop.secrets: must be the name of a secret in Secrets Manager')
  expect([mistake, ...others].join('\n')).not.toContain('hunter2')
})

test('refuses a pause that is longer than the rollout', () => {
  expect(mistakesOf(ec2With('rollout: { pause: 9m }'))).toEqual([
    `${at(15, 29, `${ec2}.rollout.pause`)}: may take 600s (a tick once a minute ends it), but of the deadline of 900s the rollout has 600s: the rest is reserved for restoring the old release`,
  ])
  expect(mistakesOf(ec2With('rollout: { pause: 8m }'))).toEqual([])
})

const second = (target: string): string =>
  `${file}  blog:
    image: acme/blog
    requires: [image]
    targets:
      - ec2: { instances: { tag: "Name=shop" }, port: 1, ${target} }
`

test.each([
  ['the same port', 'publish: 80', 'publish: is also the address of apps.shop.targets[0].ec2'],
  [
    'the same port, once on one address only',
    'publish: "127.0.0.1:80"',
    'publish: uses port 80, which apps.shop.targets[0].ec2.publish uses on all addresses',
  ],
])('refuses two apps that share an instance and %s', (_, target, expected) => {
  expect(mistakesOf(second(target))).toEqual([expect.stringContaining(expected)])
})

test('refuses two apps that share a port and a host', () => {
  const text = second('publish: 80, hosts: [a.example, B.Example]').replace(
    'publish: 80\n',
    'publish: 80\n          hosts: [b.example]\n',
  )
  expect(mistakesOf(text)).toEqual([
    expect.stringContaining('hosts: b.example is already a host of apps.shop.targets[0].ec2'),
  ])
})

test.each([
  ['by host', 'publish: 80, hosts: [blog.example]'],
  ['on another port', 'publish: 81'],
])('accepts two apps on one instance %s', (_, target) => {
  expect(mistakesOf(second(target))).toEqual([])
})

test('accepts one port for apps on different instances', () => {
  expect(mistakesOf(second('publish: 80').replace(/Name=shop(?=" }, port)/, 'Name=blog'))).toEqual(
    [],
  )
})

test.each([
  [
    'a hold that is shorter than stopping and checking may take',
    ec2With('strategy: recreate\n          predeploy: [migrate]\n          hold: 30s'),
    `${at(17, 17, `${ec2}.hold`)}: warning: stopping (drain and run.stopTimeout, 35s: for its requests, then for its end) and checking (health.timeout 120s) may take 155s, plus the time of predeploy; requests that have waited 30s fail`,
  ],
  [
    'a check that leaves no time for a restore',
    ec2With('health: { timeout: 12m }'),
    `${at(15, 30, `${ec2}.health.timeout`)}: warning: one instance may take 780s (twice run.stopTimeout and health.timeout), which is long for the deadline of 900s: a third of it is reserved for restoring the old release`,
  ],
  [
    'a worker whose stop leaves no time for a restore',
    edit(
      '          port: 8000\n          publish: 80',
      '          strategy: worker\n          run: { stopTimeout: 10m }',
    ),
    `${at(11, 9, `${ec2}.health.timeout`)}: warning: one instance may take 602s (run.stopTimeout and health.interval × times), which is long for the deadline of 900s: a third of it is reserved for restoring the old release`,
  ],
  [
    'a source that no app uses',
    edit('  github:', '  circleci: { secret: c }\n  github:'),
    `${at(2, 13, 'sources.circleci')}: warning: no app requires { ci: circleci }, so its webhooks have no effect`,
  ],
  [
    'a CircleCI workflow with the name of a file',
    edit('  github:', '  circleci: { secret: c }\n  github:').replace(
      '{ ci: github, workflow: CI }',
      '{ ci: circleci, workflow: config.yml }',
    ),
    `${at(9, 42, 'apps.shop.requires[0].workflow')}: warning: looks like a file, but CircleCI has all workflows in one: use the name under workflows in .circleci/config.yml`,
  ],
])('warns of %s', (_, text, expected) => {
  expect(warningsOf(text)).toEqual([expected])
})

test.each(['shop-5xx', 'Shop: 5xx (%) & $more', 'Fehler über 5 %'])(
  'accepts the alarm %s without a warning',
  (name) => {
    const text = appWith(`rollback: { alarms: [${JSON.stringify(name)}] }`)
    expect(warningsOf(text)).toEqual([])
    expect(read(text)).toMatchObject({
      value: { configuration: { apps: [{ rollback: { alarms: [name], windowSeconds: 1800 } }] } },
    })
  },
)

test('deploys by itself unless the file says manual', () => {
  const deployOf = (text: string) => {
    const parsed = read(text)
    return parsed.ok ? parsed.value.configuration.apps.map(({ deploy }) => deploy) : parsed.error
  }
  expect(deployOf(edit('port: 8000', 'port: 8000'))).toEqual(['automatic'])
  expect(deployOf(appWith('deploy: manual'))).toEqual(['manual'])
})

test('accepts a Render target without a warning', () => {
  const render = 'targets:\n      - render: { service: srv-abcdef0123456789, token: render }'
  expect(warningsOf(edit('targets:', render))).toEqual([])
})

test('accepts reports without a warning', () => {
  const reports = 'reports: { github: landfall/a, notice: landfall/b, sentry: landfall/c }'
  expect(warningsOf(appWith(reports))).toEqual([])
})

test('accepts a tag without a commit where CI is required', () => {
  expect(warningsOf(appWith('tag: latest'))).toEqual([])
})

test('accepts a CircleCI workflow without a warning', () => {
  const text = edit('  github:', '  circleci: { secret: c }\n  github:')
  const both = '{ ci: circleci, workflow: build-and-push }, { ci: github, workflow: CI }'
  expect(warningsOf(text.replace('{ ci: github, workflow: CI }', both))).toEqual([])
})

test('holds requests of a recreate by default as long as it may take', () => {
  const parsed = read(ec2With('strategy: recreate'))
  expect(parsed).toMatchObject({
    ok: true,
    value: {
      configuration: { apps: [{ targets: [{ holdSeconds: 155, drainSeconds: 5 }] }] },
      warnings: [],
    },
  })
})

const fleetOf = (text: string) => {
  const parsed = read(text)
  const [target] = parsed.ok ? (parsed.value.configuration.apps[0]?.targets ?? []) : []
  return target?.kind === 'ec2' ? target : null
}

test.each([
  ['port: 8000\n          publish: 80', 0.3],
  ['port: 8000\n          publish: 80\n          health: { interval: 2s }', 2],
  ['strategy: worker', 1],
])(
  'asks a new app every 0.3 s by default, and watches a worker for two: %s',
  (text, intervalSeconds) => {
    const reach = '          port: 8000\n          publish: 80\n'
    expect(fleetOf(edit(reach, `          ${text}\n`))?.health).toMatchObject({
      intervalSeconds,
      times: 2,
    })
  },
)

test('the health check accepts no redirect by default', () => {
  const expected = { expect: { from: 200, to: 299 }, contains: null, scheme: 'http' }
  expect(fleetOf(file)?.health).toMatchObject(expected)
})

test.each([
  ['replaces: old', { replaces: 'old', acceptedLosses: [] }],
  ['replaces: { name: old, without: [port] }', { replaces: 'old', acceptedLosses: ['port'] }],
  ['drain: 20s\n          strategy: recreate', { drainSeconds: 20 }],
  ['predeploy: [migrate]', { predeploy: ['migrate'], predeployEntrypoint: true }],
  ['predeploy: { command: [migrate] }', { predeploy: ['migrate'], predeployEntrypoint: true }],
  [
    'predeploy: { command: [migrate], entrypoint: false }',
    { predeploy: ['migrate'], predeployEntrypoint: false },
  ],
  ['keep: 5', { run: { user: null, extraHosts: [], shmSize: null, init: true } }],
  [
    'run: { user: "1000", extraHosts: ["db:10.0.0.5"], shmSize: 64m, init: false }',
    { run: { user: '1000', extraHosts: ['db:10.0.0.5'], shmSize: '64m', init: false } },
  ],
  ['health: { contains: ok }', { health: { contains: 'ok' } }],
])('reads %s', (lines, expected) => {
  expect(fleetOf(ec2With(lines))).toMatchObject(expected)
})

test.each([
  ['"127.0.0.1:8080"', '{}', 'https'],
  ['"127.0.0.1:8080"', '{ scheme: http }', 'http'],
  ['"10.0.0.1:80"', '{}', 'http'],
  ['80', '{ scheme: https }', 'https'],
])('behind publish: %s with health: %s the check says %s', (publish, health, scheme) => {
  const text = edit('publish: 80', `publish: ${publish}\n          health: ${health}`)
  expect(fleetOf(text)?.health).toMatchObject({ scheme })
})
