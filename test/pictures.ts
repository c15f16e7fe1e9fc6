import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../local/docker/free-port.ts'
import { openLink } from '../local/stack/open-link.ts'
import { startTeam, toCommit, type Team } from '../local/team/team.ts'
import { startBrowser } from './support/browser.ts'
import { waitFor } from './support/wait.ts'

// `npm run pictures`: the page, of real deployments on the local stack, as README.md shows it.

const app = 'oc-lettings'
const image = 'acme/oc-lettings'

const health = { path: '/healthz', interval: '0.1s', times: 2, timeout: '300s' }

const apps = (port: number) => (registry: string) => ({
  [app]: {
    repository: image,
    image: `${registry}/${image}`,
    requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
    targets: [{ ec2: { instances: { tag: 'Name=demo' }, port: 8000, publish: port, health } }],
  },
})

const begin = async (team: Team, message: string, behaviour = {}): Promise<void> => {
  await team.pushImage(image, toCommit(message), { VERSION: message, ...behaviour })
  await team.endCi({ repository: image, commit: toCommit(message), message })
}

/** Two releases, one that broke, a commit that waits, and one on its way. */
const play = async (team: Team): Promise<void> => {
  const past = [
    ['Let visitors search lettings by town', {}],
    ['Show the price with its currency', {}],
    ['Move the settings into the environment', { FAULT: 'exits' }],
  ] as const
  for (const [at, [message, behaviour]] of past.entries()) {
    await begin(team, message, behaviour)
    await team.operators.waitForEnd(app, at + 1)
  }
  await begin(team, 'Cache the list of lettings', { START_DELAY_SECONDS: '300' })
  await waitFor('the deployment is under way', async () => {
    const { deployments } = await team.operators.status(app)
    return deployments[0]?.status === 'in_progress'
  })
  const message = 'Say when a letting was added'
  await team.endCi({ repository: image, commit: toCommit(message), message })
}

const take = async (team: Team): Promise<void> => {
  const browser = await startBrowser()
  const context = await browser.open({ viewport: { width: 660, height: 760 } })
  const page = await context.newPage()
  await page.goto(await openLink(team.stack, 'ada'))
  await page.getByRole('button', { name: 'Open the page' }).click()
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.goto(`${team.stack.apiAddress}/app/${app}`)
    const path = join(import.meta.dirname, `../docs/pictures/page-${colorScheme}.png`)
    await page.screenshot({ path })
  }
  await browser.close()
}

const directory = mkdtempSync(join(tmpdir(), 'landfall-pictures-'))
const port = await freePort()
const team = await startTeam({ directory, apps: apps(port) })
try {
  await play(team)
  await take(team)
} finally {
  await team.cleanUp([app], [port])
  await team.stop()
  rmSync(directory, { recursive: true, force: true })
}
