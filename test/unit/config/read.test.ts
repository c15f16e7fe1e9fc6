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

test('accepts the file that the mistakes are made in', () => {
  expect(mistakesOf(file)).toEqual([])
  expect(warningsOf(file)).toEqual([])
})

const at = (line: number, column: number, path: string): string =>
  `landfall.yml:${line}:${column} ${path}`
const ec2 = 'apps.shop.targets[0].ec2'

test.each([
  [
    'an app with the name of what stands beside the apps on an instance',
    edit('shop:', 'instance:'),
    `${at(5, 3, 'apps.instance')}: is a name that Landfall keeps for itself`,
  ],
  [
    'a port that is no number',
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
    'a key that stands twice',
    edit('image: acme/shop', 'image: acme/shop\n    image: acme/other'),
    'landfall.yml:8:5 the key "image" stands here twice',
  ],
  [
    'a missing key',
    edit('    image: acme/shop\n', ''),
    `${at(5, 3, 'apps.shop.image')}: is missing; it must be an image without its tag, such as acme/oc-lettings or registry.example:5000/name (the tag goes to "tag")`,
  ],
  [
    'an image with its tag',
    edit('image: acme/shop', 'image: acme/shop:latest'),
    `${at(7, 12, 'apps.shop.image')}: must be an image without its tag, such as acme/oc-lettings or registry.example:5000/name (the tag goes to "tag"), got "acme/shop:latest"`,
  ],
  [
    'a tag with another placeholder',
    edit('requires:', 'tag: "{sha}"\n    requires:'),
    `${at(8, 10, 'apps.shop.tag')}: must be a tag or a template of one, such as "{commit}", "main-{commit}" or latest; {commit} is the only placeholder, got "{sha}"`,
  ],
  [
    'a duration without its unit',
    edit('requires:', 'waitFor: 3600\n    requires:'),
    `${at(8, 14, 'apps.shop.waitFor')}: must be a duration from 1m to 168h, such as 30s, 5m or 2h, got 3600`,
  ],
  [
    'a duration that is too long',
    edit('requires:', 'deadline: 24h\n    requires:'),
    `${at(8, 15, 'apps.shop.deadline')}: must be a duration from 3m to 6h, such as 30s, 5m or 2h, got "24h"`,
  ],
  [
    'a range that runs backwards',
    edit('port: 8000', 'port: 8000\n          health: { expect: 399-200 }'),
    `${at(14, 29, `${ec2}.health.expect`)}: must be an HTTP status or a range of them, such as 200 or 200-399, got "399-200"`,
  ],
  [
    'an address to publish on that is none',
    edit('publish: 80', 'publish: "localhost:80"'),
    `${at(14, 20, `${ec2}.publish`)}: must be a port from 1 to 65535 or an address and a port, such as "127.0.0.1:8080", got "localhost:80"`,
  ],
  [
    'a batch of nothing',
    edit('publish: 80', 'publish: 80\n          rollout: { batch: 0 }'),
    `${at(15, 29, `${ec2}.rollout.batch`)}: must be a number of instances from 1 to 50 or a share of them, such as "25%", got 0`,
  ],
  [
    'an amount of memory in another notation',
    edit('publish: 80', 'publish: 80\n          run: { memory: 1GiB }'),
    `${at(15, 26, `${ec2}.run.memory`)}: must be an amount of memory of at least 6m, such as 512m or 2g, got "1GiB"`,
  ],
  [
    'less memory than Docker starts anything with',
    edit('publish: 80', 'publish: 80\n          run: { memory: 512k }'),
    `${at(15, 26, `${ec2}.run.memory`)}: must be an amount of memory of at least 6m, such as 512m or 2g, got "512k"`,
  ],
  [
    'a path that HTTP cannot hold',
    edit('publish: 80', 'publish: 80\n          health: { path: /santé }'),
    `${at(15, 27, `${ec2}.health.path`)}: must be a path that begins with / and holds no spaces, no # and nothing but ASCII (é is %C3%A9), got "/santé"`,
  ],
  [
    'a word of a command that no program can be given',
    edit('publish: 80', 'publish: 80\n          run: { command: [run, "a\\0replaces=x"] }'),
    `${at(15, 33, `${ec2}.run.command[1]`)}: must be text without NUL characters, got "a\\u0000replaces=x"`,
  ],
  [
    'a predeploy without a program',
    edit('publish: 80', 'publish: 80\n          predeploy: ["", x]'),
    `${at(15, 22, `${ec2}.predeploy`)}: must be a list that begins with a program, got a list`,
  ],
  [
    'an address that Docker reads differently',
    edit('publish: 80', 'publish: "127.0.0.01:80"'),
    `${at(14, 20, `${ec2}.publish`)}: must be a port from 1 to 65535 or an address and a port, such as "127.0.0.1:8080", got "127.0.0.01:80"`,
  ],
  [
    'a relative path as a volume',
    edit(
      'publish: 80',
      'publish: 80\n          strategy: recreate\n          run: { volumes: ["./data:/data"] }',
    ),
    `${at(16, 28, `${ec2}.run.volumes[0]`)}: must be a volume or an absolute path of the instance, and where it appears in the container, such as "data:/data" or "/srv/media:/media:ro", got "./data:/data"`,
  ],
  [
    'a URL as a host',
    edit('publish: 80', 'publish: 80\n          hosts: ["https://shop.example.com/"]'),
    `${at(15, 19, `${ec2}.hosts[0]`)}: must be a host name without scheme, port or path, such as lettings.example.com, got "https://shop.example.com/"`,
  ],
  [
    'a number in a command',
    edit('publish: 80', 'publish: 80\n          predeploy: [sleep, 5]'),
    `${at(15, 30, `${ec2}.predeploy[1]`)}: must be text; put it in quotes, got 5`,
  ],
  [
    'a command as one text',
    edit('publish: 80', 'publish: 80\n          predeploy: python manage.py migrate'),
    `${at(15, 22, `${ec2}.predeploy`)}: must be a list of words, such as [python, manage.py, migrate], got "python manage.py migrate"`,
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
    `${at(12, 22, `${ec2}.instances`)}: says neither tag nor ids: { tag: "Name=lettings" } or { ids: [i-0123456789abcdef0] }`,
  ],
  [
    'instances that are selected twice',
    edit('tag: "Name=shop"', 'tag: "Name=shop", ids: [i-0123456789abcdef0]'),
    `${at(12, 22, `${ec2}.instances`)}: says both tag and ids; which of the two?`,
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
    `${at(5, 3, 'apps.shop.repository')}: is missing: whose is the workflow that requires names?`,
  ],
  [
    'the name of an alarm that would be a variable of the template',
    edit('requires:', 'rollback: { alarms: ["shop-${AWS::Region}"] }\n    requires:'),
    `${at(8, 26, 'apps.shop.rollback.alarms[0]')}: must be a CloudWatch alarm's name, such as oc-lettings-5xx: not its ARN, and without \${, got "shop-\${AWS::Region}"`,
  ],
  [
    'more alarms than one app may have',
    edit(
      'requires:',
      `rollback: { alarms: [${Array.from({ length: 11 }, (_, index) => `a${index}`).join(', ')}] }\n    requires:`,
    ),
    `${at(8, 25, 'apps.shop.rollback.alarms')}: must be a list of at most 10 alarms; a composite alarm of CloudWatch stands for as many as you like, got a list`,
  ],
  [
    'an ARN where an alarm is named',
    edit(
      'requires:',
      'rollback: { alarms: ["arn:aws:cloudwatch:eu-west-3:1:alarm:a"] }\n    requires:',
    ),
    `${at(8, 26, 'apps.shop.rollback.alarms[0]')}: must be a CloudWatch alarm's name, such as oc-lettings-5xx: not its ARN, and without \${, got "arn:aws:cloudwatch:eu-west-3:1:alarm:a"`,
  ],
  [
    'a report to no repository',
    edit('    repository: acme/shop\n', '    reports: { github: landfall/token }\n').replace(
      '{ ci: github, workflow: CI }, ',
      '',
    ),
    `${at(6, 24, 'apps.shop.reports.github')}: needs repository: where shall it be reported?`,
  ],
  [
    'an image that nobody would tell of',
    edit('[{ ci: github, workflow: CI }, image]', '[image]')
      .replace('image: acme/shop', 'image: registry.example:5000/shop')
      .replace('    repository: acme/shop\n', ''),
    `${at(7, 15, 'apps.shop.requires')}: nothing would tell when there is a new image: require a CI workflow, or configure sources.docker-hub for an image on Docker Hub, or sources.github with repository and a tag with {commit}`,
  ],
  [
    'a boolean in env',
    edit('"False"', 'False'),
    `${at(9, 19, 'apps.shop.env.DEBUG')}: must be text; put it in quotes, got False`,
  ],
  [
    'a name in env that no shell takes',
    edit('DEBUG:', '"2FAST":'),
    `${at(9, 12, 'apps.shop.env.2FAST')}: "2FAST" is not a name for a variable`,
  ],
  [
    'a value of several lines under a name that steers the shell',
    edit('{ DEBUG: "False" }', '{ LD_PRELOAD: "a\\nb" }'),
    `${at(9, 12, 'apps.shop.env.LD_PRELOAD')}: "LD_PRELOAD" steers the shell or docker and cannot have a value with line breaks`,
  ],
  [
    'a name of an app with capitals',
    edit('  shop:', '  Shop_1:'),
    `${at(5, 3, 'apps.Shop_1')}: an app's name is 2 to 40 lower-case letters, digits and "-", and begins with a letter: it stands in URLs, paths and container names`,
  ],
  [
    'no app at all',
    `${file.slice(0, file.indexOf('apps:'))}apps: {}\n`,
    'landfall.yml:4:7 apps: there is no app in it',
  ],
  [
    'no target',
    `${file.slice(0, file.indexOf('    targets:'))}    targets: []\n`,
    `${at(10, 14, 'apps.shop.targets')}: must be a list of at least one target, got a list`,
  ],
  [
    'a target of no kind',
    `${file}      - {}\n`,
    `${at(15, 9, 'apps.shop.targets[1]')}: a target is one of ec2, render and heroku, not 0 of them`,
  ],
  [
    'the same instances twice',
    `${file}      - ec2: { instances: { tag: "Name=shop" }, port: 1, publish: 81 }\n`,
    `${at(15, 27, 'apps.shop.targets[1].ec2.instances')}: selects instances of apps.shop.targets[0].ec2 too; an app runs once on an instance`,
  ],
  [
    'a port that is not said',
    edit('          port: 8000\n', ''),
    `${at(11, 9, `${ec2}.port`)}: is missing: on which port does the container listen?`,
  ],
  [
    'an address that is not said',
    edit('          publish: 80\n', ''),
    `${at(11, 9, `${ec2}.publish`)}: is missing: on which port of the instance shall it be reached? (80, or "127.0.0.1:8080" behind your own proxy)`,
  ],
  [
    'a port of a worker',
    edit('          publish: 80\n', '          strategy: worker\n'),
    `${at(13, 17, `${ec2}.port`)}: is of no use to a worker: nobody asks it`,
  ],
  [
    'an unknown strategy',
    edit('publish: 80', 'publish: 80\n          strategy: bluegreen'),
    `${at(15, 21, `${ec2}.strategy`)}: must be blue-green, recreate or worker, got "bluegreen"`,
  ],
  [
    'a health check that is over before it can pass',
    edit('publish: 80', 'publish: 80\n          health: { interval: 10s, times: 3, timeout: 20s }'),
    `${at(15, 55, `${ec2}.health.timeout`)}: is over before the container could answer 3 times, every 10s`,
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
    'aliases that unfold without end',
    `a: &a [x, x, x, x, x, x, x, x, x, x]\n${['b', 'c', 'd', 'e']
      .map((name, index) => `${name}: &${name} [${`*${'abcd'[index]}, `.repeat(10)}x]`)
      .join('\n')}\n`,
    'landfall.yml:1:1 Excessive alias count indicates a resource exhaustion attack',
  ],
])('tells of %s, with its place', (_, text, expected) => {
  expect(mistakesOf(text)).toContain(expected)
})

test('takes a registry on this machine for one whose pushes are told by hand', () => {
  const text = edit('image: acme/shop', 'image: localhost:5000/acme/shop\n    tag: latest').replace(
    '[{ ci: github, workflow: CI }, image]',
    '[image]',
  )
  expect(mistakesOf(text)).toEqual([])
  expect(mistakesOf(text.replace('localhost', 'registry.example'))).toHaveLength(1)
})

test('explains the choice that volumes ask for', () => {
  const text = edit('publish: 80', 'publish: 80\n          run: { volumes: ["data:/data"] }')
  expect(mistakesOf(text)).toEqual([
    expect.stringMatching(
      /^landfall\.yml:11:9 .*\.ec2\.strategy: is missing: with volumes .*blue-green.*no request waits; recreate.*SQLite/,
    ),
  ])
})

test('tells all mistakes at once, in the order of the file', () => {
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

test('checks the other apps although one is incomplete', () => {
  const text = `${file}  blog: { requires: [image] }\n`.replace('ci: github', 'ci: circleci')
  expect(mistakesOf(text).map((line) => line.split(': ')[0])).toEqual([
    'landfall.yml:8:22 apps.shop.requires[0].ci',
    'landfall.yml:15:3 apps.blog.image',
    'landfall.yml:15:3 apps.blog.targets',
  ])
})

test('does not repeat what stands where the name of a secret belongs', () => {
  const planted = 'hunter2 is my password'
  const [mistake, ...others] = mistakesOf(
    edit('env:', `secrets: "${planted}"\n    reports: { github: "${planted}" }\n    env:`),
  )
  expect(mistake).toContain('apps.shop.secrets: must be the name of a secret in Secrets Manager')
  expect([mistake, ...others].join('\n')).not.toContain('hunter2')
})

test('refuses a pause that outlasts the rollout', () => {
  expect(mistakesOf(edit('publish: 80', 'publish: 80\n          rollout: { pause: 9m }'))).toEqual([
    `${at(15, 29, `${ec2}.rollout.pause`)}: may take 600s (the clock, which ends it, looks once a minute), and of the deadline of 900s the rollout has 600s: the rest is kept for bringing the old release back`,
  ])
  expect(mistakesOf(edit('publish: 80', 'publish: 80\n          rollout: { pause: 8m }'))).toEqual(
    [],
  )
})

const second = (target: string): string =>
  `${file}  blog:
    image: acme/blog
    requires: [image]
    targets:
      - ec2: { instances: { tag: "Name=shop" }, port: 1, ${target} }
`

test.each([
  ['the same port', 'publish: 80', 'publish: is the address of apps.shop.targets[0].ec2 too'],
  [
    'the same port, once on one address only',
    'publish: "127.0.0.1:80"',
    'publish: takes port 80, which apps.shop.targets[0].ec2.publish takes on all addresses',
  ],
])('refuses two apps that share an instance and %s', (_, target, expected) => {
  expect(mistakesOf(second(target))).toEqual([expect.stringContaining(expected)])
})

test('refuses two apps that share a port and a host', () => {
  const text = second('publish: 80, hosts: [a.example, b.example]').replace(
    'publish: 80\n',
    'publish: 80\n          hosts: [b.example]\n',
  )
  expect(mistakesOf(text)).toEqual([
    expect.stringContaining('hosts: b.example is a host of apps.shop.targets[0].ec2 already'),
  ])
})

test.each([
  ['by host', 'publish: 80, hosts: [blog.example]'],
  ['on another port', 'publish: 81'],
])('lets two apps share an instance %s', (_, target) => {
  expect(mistakesOf(second(target))).toEqual([])
})

test('lets apps on different instances have the same port', () => {
  expect(mistakesOf(second('publish: 80').replace(/Name=shop(?=" }, port)/, 'Name=blog'))).toEqual(
    [],
  )
})

test.each([
  [
    'a hold that is shorter than stopping and checking may take',
    edit(
      'publish: 80',
      'publish: 80\n          strategy: recreate\n          predeploy: [migrate]\n          hold: 30s',
    ),
    `${at(17, 17, `${ec2}.hold`)}: warning: stopping (twice run.stopTimeout, 30s: for its requests, then for its end) and checking (health.timeout 120s) may take 180s, and predeploy takes its time besides; requests that waited 30s by then fail`,
  ],
  [
    'a check that leaves no time for the way back',
    edit('publish: 80', 'publish: 80\n          health: { timeout: 12m }'),
    `${at(15, 30, `${ec2}.health.timeout`)}: warning: one instance may take 780s (twice run.stopTimeout and health.timeout), which does not fit well into the deadline of 900s: a third of it is kept for bringing the old release back`,
  ],
  [
    'a worker whose stop leaves no time for the way back',
    edit(
      '          port: 8000\n          publish: 80',
      '          strategy: worker\n          run: { stopTimeout: 10m }',
    ),
    `${at(11, 9, `${ec2}.health.timeout`)}: warning: one instance may take 602s (run.stopTimeout and health.interval × times), which does not fit well into the deadline of 900s: a third of it is kept for bringing the old release back`,
  ],
  [
    'a source that no app uses',
    edit('  github:', '  circleci: { secret: c }\n  github:'),
    `${at(2, 13, 'sources.circleci')}: warning: no app requires { ci: circleci }, so its webhooks do nothing`,
  ],
  [
    'a workflow of CircleCI that is called like a file',
    edit('  github:', '  circleci: { secret: c }\n  github:').replace(
      '{ ci: github, workflow: CI }',
      '{ ci: circleci, workflow: config.yml }',
    ),
    `${at(9, 42, 'apps.shop.requires[0].workflow')}: warning: looks like a file, and CircleCI keeps all workflows in one: name it as .circleci/config.yml does, under workflows`,
  ],
  [
    'a kind of target that is not built yet',
    edit('targets:', 'targets:\n      - heroku: { app: shop, token: heroku }'),
    `${at(11, 17, 'apps.shop.targets[0].heroku')}: warning: is checked, and does nothing yet: every deployment of this app fails`,
  ],
])('warns of %s', (_, text, expected) => {
  expect(warningsOf(text)).toEqual([expected])
})

test.each(['shop-5xx', 'Shop: 5xx (%) & $more', 'Fehler über 5 %'])(
  'takes the alarm %s, and acts on it without a warning',
  (name) => {
    const text = edit('requires:', `rollback: { alarms: [${JSON.stringify(name)}] }\n    requires:`)
    expect(warningsOf(text)).toEqual([])
    expect(read(text)).toMatchObject({
      value: { configuration: { apps: [{ rollback: { alarms: [name], windowSeconds: 1800 } }] } },
    })
  },
)

test('takes a target at Render without a word: it is deployed to', () => {
  const render = 'targets:\n      - render: { service: srv-abcdef0123456789, token: render }'
  expect(warningsOf(edit('targets:', render))).toEqual([])
})

test('takes reports without a word: they are told', () => {
  const reports = 'reports: { github: landfall/a, notice: landfall/b, sentry: landfall/c }'
  expect(warningsOf(edit('requires:', `${reports}\n    requires:`))).toEqual([])
})

test('takes a tag that names no commit, with CI: the label of the image does', () => {
  expect(warningsOf(edit('requires:', 'tag: latest\n    requires:'))).toEqual([])
})

test('has nothing to say of a workflow of CircleCI', () => {
  const text = edit('  github:', '  circleci: { secret: c }\n  github:')
  const both = '{ ci: circleci, workflow: build-and-push }, { ci: github, workflow: CI }'
  expect(warningsOf(text.replace('{ ci: github, workflow: CI }', both))).toEqual([])
})

test('lets a recreate hold as long as it may take, where hold is left out', () => {
  const parsed = read(edit('publish: 80', 'publish: 80\n          strategy: recreate'))
  expect(parsed).toMatchObject({
    ok: true,
    value: { configuration: { apps: [{ targets: [{ holdSeconds: 180 }] }] }, warnings: [] },
  })
})
