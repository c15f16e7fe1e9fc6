// Rules of .dependency-cruiser.cjs for the command line.

const product = '^(src|handlers|host|packaging)/'

module.exports = [
  [
    'command-line-calls-functions',
    'The command line knows what the functions answer, reasons and plain lines, and what an environment may hold. What a function does is asked of it, never done here.',
    '^cli/',
    {
      path: '^(src|handlers|host|packaging|local|test|bench)/',
      pathNot: '^src/(answers/|kernel/|secrets/environment\\.ts$)',
    },
  ],
  [
    'command-line-is-nobodys-part',
    'Nothing of the product knows the command line: it calls the functions from outside.',
    product,
    { path: '^cli/' },
  ],
  [
    'door-command-line-aws',
    'Only cli/aws.ts speaks to AWS, so that everything else can be tested with plain values.',
    '^cli/(?!aws\\.ts$)',
    { path: '(^|/)node_modules/@(aws-sdk|smithy)/' },
  ],
  [
    'aws-of-the-command-line-is-late',
    'The clients of AWS take longer to load than all else: the verbs that call load them by import().',
    '^cli/',
    { path: '^cli/aws\\.ts$', dependencyTypesNot: ['dynamic-import', 'type-only'] },
  ],
].map(([name, comment, path, to]) => ({ name, comment, from: { path }, to }))
