/** What of the repository's own rules needs no package built. */
export const fastRules = [
  'architecture',
  'decisions',
  'french',
  'glossary',
  'install',
  'links',
  'names',
  'pipelines',
  'processes',
  'reasons',
  'schema',
  'sources',
  'target-kinds',
  'targets',
  'testing',
  'threat-model',
].map((name) => `test/repository/${name}.test.ts`)
