// Rules of .dependency-cruiser.cjs for the files that packaging/esbuild.ts puts beside a bundle.

/** What a cold start does not pay for: each is a file of its own beside a bundle (packaging/esbuild.ts). */
const late = '^src/(report/sentry|secrets/encrypt-cms)\\.ts$'
const ours = '^(src|handlers)/'
module.exports = [
  [
    'late-files-are-loaded-late',
    'Sentry and pkijs are large and seldom used: import() loads them when they are.',
    ours,
    { path: late, dynamic: false },
  ],
  [
    'nothing-else-is-loaded-late',
    'Another import() costs more than it saves unless much hangs on it (docs/decisions/0051).',
    ours,
    { path: ours, pathNot: late, dynamic: true },
  ],
  [
    'late-files-share-nothing',
    'A late file has a copy of what it imports: nothing with a class or a state, so no module of ours but these.',
    late,
    {
      path: ours,
      pathNot: '^src/kernel/(http|plain-line)\\.ts$',
      dependencyTypesNot: ['type-only'],
    },
  ],
].map(([name, comment, path, to]) => ({ name, comment, from: { path }, to }))
