import { readFileSync } from 'node:fs'
import { readThreats } from './support/threats.ts'

// `npm run threats`: what each attacker cannot do, by docs/threat-model.md, with the test that would fail if
// they could.

const threats = readThreats(readFileSync('docs/threat-model.md', 'utf8'))
for (const attacker of new Set(threats.map((threat) => threat.attacker))) {
  process.stdout.write(`\n${attacker} cannot\n`)
  for (const threat of threats.filter((one) => one.attacker === attacker)) {
    const tests = threat.tests.map(({ file, title }) => `${file} > ${title}`)
    const shown = tests.length > 0 ? tests : [threat.notShown ?? 'no test']
    process.stdout.write(`  ${threat.cannot}\n${shown.map((line) => `      ${line}\n`).join('')}`)
  }
}
const open = threats.filter(({ tests }) => tests.length === 0)
process.stdout.write(`\n${threats.length} in all, ${open.length} without a test\n`)
