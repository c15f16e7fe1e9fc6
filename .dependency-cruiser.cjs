// Who may know whom, as ARCHITECTURE.md tells. A path is matched as a regular expression from the repository's root.

/** Folders that a folder of src/ may import from, itself and the kernel aside. */
const knows = {
  answers: [],
  deployment: [],
  api: [],
  delivery: [
    'answers',
    'deployment',
    'registry/(ecr|image)\\.ts',
    'sources/(source|docker-hub)\\.ts',
  ],
  rollout: ['answers', 'deployment', 'registry/(ecr|image)\\.ts', 'targets/target\\.ts'],
  carry: ['api', 'registry', 'secrets', 'targets/carry\\.ts'],
  page: ['delivery/request\\.ts', 'deployment', 'report/log-url\\.ts', 'rollout'],
  sources: [],
  targets: ['api', 'deployment', 'registry', 'secrets'],
  secrets: [],
  registry: ['deployment', 'secrets/app-secret\\.ts'],
  journal: [
    'deployment',
    'rollout/journal\\.ts',
    'page/access\\.ts',
    'delivery',
    'carry/watch\\.ts',
    'targets/(carry\\.ts|ec2/|heroku/record\\.ts)',
    'sources/source\\.ts',
    'aws/client\\.ts',
  ],
  aws: [
    'deployment',
    'delivery',
    'page/act\\.ts',
    'report/reporter\\.ts',
    'rollout/ports\\.ts',
    'secrets/app-secret\\.ts',
    'targets/(carry\\.ts|ec2/)',
    'sources/source\\.ts',
  ],
  config: ['deployment', 'registry/(ecr|image)\\.ts', 'secrets/environment\\.ts'],
  github: [
    'api',
    'deployment',
    'delivery/match\\.ts',
    'rollout/ports\\.ts',
    'secrets',
    'sources/(source|github-run)\\.ts',
  ],
  report: ['api', 'deployment', 'github', 'secrets'],
}

const directions = Object.entries(knows).map(([folder, known]) => ({
  name: `direction-${folder}`,
  comment: `src/${folder} imports from itself, the kernel${known.map((one) => ` and ${one}`).join('')} only. If it needs something else done, it declares a port (an interface of two to four methods) and the handler hands it an implementation.`,
  from: { path: `^src/${folder}/` },
  to: { path: '^(src|handlers)/', pathNot: `^src/(${['kernel', folder, ...known].join('|')})` },
}))

/** A capability, and the few places that have it. Everybody else is handed what it is for. */
const door = (name, what, places, comment) => ({
  name: `door-${name}`,
  comment,
  from: {
    path: '^(src|handlers)/',
    ...(places.length > 0 && { pathNot: `^(${places.join('|')})` }),
  },
  to: { path: what },
})

const doors = [
  door(
    'aws-sdk',
    '(^|/)node_modules/@(aws-sdk|smithy)/',
    ['src/aws/', 'src/journal/'],
    'Only src/aws and src/journal speak to AWS, so that everything else can be tested with plain values.',
  ),
  door(
    'sentry',
    '(^|/)node_modules/@sentry/',
    ['src/report/sentry\\.ts$'],
    'Only src/report/sentry.ts knows Sentry; what leaves is made there, field by field.',
  ),
  door(
    'files',
    '^(node:)?fs(/promises)?$',
    ['src/config/file\\.ts$'],
    'A function has no files. Only the configuration is read from one, when packaging and when starting.',
  ),
  door(
    'network',
    '^(node:)?(http|https|http2|net|tls|dgram|dns)$',
    [],
    'The one way out is src/kernel/http.ts, which uses fetch: HTTPS, limits and a timeout.',
  ),
  door(
    'processes',
    '^(node:)?(child_process|worker_threads|cluster|vm)$',
    [],
    'A function starts nothing. What runs on an instance stands in host/.',
  ),
  door(
    'crypto',
    '^(node:)?crypto$',
    [
      'src/(kernel/id|journal/history)\\.ts$',
      'src/secrets/',
      'src/sources/',
      'src/delivery/',
      'src/registry/',
      'src/carry/',
      'src/page/',
      'src/github/',
    ],
    'Randomness comes from src/kernel/id.ts; signatures, envelopes and digests are the business of who verifies them.',
  ),
  door(
    'zlib',
    '^(node:)?zlib$',
    ['src/journal/packing\\.ts$'],
    'Bytes are deflated where the journal packs them, and inflated there, up to a limit.',
  ),
  door(
    'yaml',
    '(^|/)node_modules/yaml/',
    ['src/config/'],
    'YAML is parsed when packaging and when starting; a bundle holds the configuration as data.',
  ),
]

module.exports = {
  forbidden: [
    ...directions,
    ...doors,
    {
      name: 'kernel-knows-nobody',
      comment: 'The kernel is what everybody may import, so it imports nothing of ours.',
      from: { path: '^src/kernel/' },
      to: { path: '^(src|handlers)/', pathNot: '^src/kernel/' },
    },
    {
      name: 'heart-is-pure',
      comment:
        'src/deployment decides and does nothing: no library, no Node module. Schemas belong to the edges.',
      from: { path: '^src/deployment/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'core'] },
    },
    {
      name: 'handlers-are-the-top',
      comment:
        'A handler wires its function: no file of src imports it, and no handler another. What two share belongs to src.',
      from: { path: '^(src|handlers)/' },
      to: { path: '^handlers/' },
    },
    {
      name: 'handlers-wire-src',
      comment:
        'A bundle holds what its function runs: neither what builds and packages Landfall, nor tests, nor the local stack.',
      from: { path: '^(handlers/|src/compose-operate\\.ts$)' },
      to: { path: '^(host|packaging|bench|test|local)/' },
    },
    {
      name: 'wiring-is-for-handlers',
      comment:
        'src/lambda.ts makes a handler of services and one call, src/compose-operate.ts wires what several handlers share; nothing below the handlers knows either.',
      from: { path: '^src/', pathNot: '^src/lambda\\.ts$' },
      to: { path: '^src/(lambda|compose-operate)\\.ts$' },
    },
    {
      name: 'direction-lambda',
      comment:
        'src/lambda.ts imports the kernel, the environment and the report of troubles only: it runs any function.',
      from: { path: '^src/lambda\\.ts$' },
      to: {
        path: '^(src|handlers)/',
        pathNot: '^src/(kernel/|config/environment\\.ts$|report/(trouble|sentry)\\.ts$)',
      },
    },
    {
      name: 'product-knows-no-stage-props',
      comment:
        'Nothing of the product knows the local stack, the tests or the benchmark, so what is tried here is what runs there.',
      from: { path: '^(src|handlers|host|packaging)/' },
      to: { path: '^(local|test|bench)/' },
    },
    {
      name: 'emulator-has-one-face',
      comment:
        'local/aws/index.ts is the public face of the AWS emulator. What the local stack, the benchmark and the tests need of it is exported there.',
      from: { pathNot: '^local/aws/' },
      to: { path: '^local/aws/', pathNot: '^local/aws/index\\.ts$' },
    },
    {
      name: 'emulator-stands-alone',
      comment:
        'The AWS emulator imports nothing of the product and nothing of the stack around it; both imitations stand on local/base.',
      from: { path: '^local/aws/' },
      to: {
        path: '^(src|handlers|host|packaging|local|test|bench)/',
        pathNot: '^local/(aws/(?!index\\.ts$)|base/)',
      },
    },
    {
      name: 'base-stands-alone',
      comment:
        'local/base is what every part of the local stack may import; it imports none of them.',
      from: { path: '^local/base/' },
      to: {
        path: '^(src|handlers|host|packaging|local|test|bench)/',
        pathNot: '^local/base/',
      },
    },
    ...require('./packaging/command-line-rules.cjs'),
    ...require('./packaging/late-files.cjs'),
    {
      name: 'only-what-is-shipped',
      comment:
        'A bundle holds dependencies, not devDependencies. (yaml, in src/config, is not in any bundle.)',
      from: { path: '^(src|handlers)/', pathNot: '^src/config/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '/@types/' },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one, or there is a third in them; types count.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'everything-resolves',
      comment: 'An import of something that is not there.',
      from: {},
      to: { couldNotResolve: true },
    },
  ].map((rule) => ({ ...rule, severity: 'error' })),
  options: {
    doNotFollow: { path: '(^|/)node_modules/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
