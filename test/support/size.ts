/**
 * Which of the two sizes runs: `npm test` shows every promise once, `npm run test:full` shows the long
 * ones whole (docs/testing.md).
 */
export const isFull = process.env['LANDFALL_TEST_SIZE'] === 'full'

/** How many times something is done: as often as the promise says in the full size, else just enough. */
export const inFull = <Value>(full: Value, usual: Value): Value => (isFull ? full : usual)
