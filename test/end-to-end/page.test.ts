import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import {
  findViolations,
  openTab,
  startBrowser,
  widthBeyond,
  type Browser,
  type Tab,
} from '../support/browser.ts'
import {
  expectDeployed,
  expectFailed,
  neverUp,
  openStage,
  patientHealth,
  waitUntilOpen,
  type Stage,
} from '../support/end-to-end.ts'
import { inFull } from '../support/size.ts'

const app = 'e2e-page'
const evil = '<script>document.title="pwned"</script><b>bold</b>\u202Egnp.exe\u001b[31m'

let stage: Stage
let browser: Browser
let context: BrowserContext
let tab: Tab

const Link = z.object({ url: z.url() })

const offerLink = async (input: object = {}): Promise<string> =>
  Link.parse(await stage.team.operators.invoke('open', { by: 'ada', ...input })).url

const open = async (page: Page, url: string): Promise<void> => {
  await page.goto(url)
  await page.getByRole('button', { name: 'Open the page' }).click()
  await page.getByRole('heading', { name: 'Apps' }).waitFor()
}

const at = (path: string): string => `${stage.team.stack.apiAddress}${path}`

/** A commit that breaks, whose title and output are a stranger's. */
const breakIt = async (version: string): Promise<void> => {
  await stage.push(app, version, { FAULT: 'exits' })
  await stage.endCi(app, version, { message: evil })
}

beforeAll(async () => {
  const browsing = startBrowser()
  stage = await openStage({ apps: { [app]: { ec2: { health: patientHealth } } } })
  browser = await browsing
  expectDeployed(await stage.release(app, 'one'))
  expectDeployed(await stage.release(app, 'two'))
  context = await browser.open()
  tab = await openTab(context)
})
afterAll(async () => {
  await browser?.close()
  await stage?.close()
})

test('opens by a one-time link, which only a click spends, once', async () => {
  const { page } = tab
  const url = await offerLink()
  for (const address of [url, url.replace('/open#', '/open?')]) await fetch(address)
  await page.goto(url)
  expect(new URL(page.url()).hash).toBe('')
  await page.reload()
  await open(page, url)
  expect(await page.getByRole('link', { name: app }).isVisible()).toBe(true)
  expect((await context.cookies()).map(({ httpOnly, sameSite }) => [httpOnly, sameSite])).toEqual([
    [true, 'Lax'],
  ])
  const other = await openTab(await browser.open())
  await other.page.goto(url)
  await other.page.getByRole('button', { name: 'Open the page' }).click()
  await other.page.getByRole('heading', { name: 'The link opens nothing' }).waitFor()
  await other.page.context().close()
})

const markPage = (page: Page): Promise<unknown> => page.evaluate('window.mark = "kept"')
const isSamePage = async (page: Page): Promise<boolean> =>
  (await page.evaluate('window.mark')) === 'kept'

/** Waits for a text of one part of the page. */
const waitForText = (page: Page, part: string, text: string | RegExp): Promise<void> =>
  page.locator(`#${part}`).filter({ hasText: text }).waitFor({ timeout: 60_000 })

test('follows a deployment without a reload, and cancels it by its button', async () => {
  const { page } = tab
  await page.goto(at(`/app/${app}`))
  await markPage(page)
  await page.locator('#history').getByRole('link', { name: '#1' }).focus()
  await stage.push(app, 'three', neverUp)
  await stage.endCi(app, 'three')
  await waitUntilOpen(stage, app)
  // As when the tab is seen again: otherwise the page looks after 15 s at most.
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
  await waitForText(page, 'open', /Open: #3\s+in progress/)
  await waitForText(page, 'said', '#3 is in progress: 0 of 1 instances answered.')
  expect(await isSamePage(page)).toBe(true)
  const other = await openTab(context)
  await other.page.goto(at(`/app/${app}`))
  await other.page.getByRole('button', { name: 'Cancel #3' }).click()
  await other.page.getByRole('button', { name: 'Cancel #3' }).click()
  await other.page.waitForURL(at(`/app/${app}`))
  await other.page.close()
  await waitForText(page, 'history', /#3\s+cancelled/)
  await waitForText(page, 'said', '#2 is live.')
  expect(await isSamePage(page)).toBe(true)
  expect(await page.evaluate('document.activeElement.textContent')).toBe('#1')
  const { status } = await stage.nextDeployment(app)
  expect(status).toBe('cancelled')
})

test('shows a failed deployment with its masked output, in which nothing runs', async () => {
  const { page } = tab
  await breakIt('four')
  expectFailed(await stage.nextDeployment(app), 'exited')
  await page.goto(at(`/app/${app}/4`))
  await waitForText(page, 'said', 'The container exited or restarted before it was healthy.')
  const facts = (await page.locator('#facts').innerText()).replaceAll(/\s+/g, ' ')
  expect(facts).toContain('<script>document.title="pwned"</script><b>bold</b>gnp.exe')
  expect(facts).not.toMatch(/[\u202A-\u202E]/)
  await page
    .getByText(/lines of its output/)
    .first()
    .click()
  expect(await page.locator('pre').first().innerText()).toContain('Cannot find module')
  expect(await page.title()).toContain(`${app} #4`)
  expect(await page.locator('bdi script, bdi b').count()).toBe(0)
})

test('goes back by a button that names both ends', async () => {
  const { page } = tab
  await page.goto(at(`/app/${app}`))
  await page.getByRole('button', { name: 'Roll back #2 → #1' }).click()
  expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain('#2 → #1')
  await page.getByRole('button', { name: 'Roll back #2 → #1' }).click()
  await page.waitForURL(at(`/app/${app}`))
  await waitForText(page, 'history', /#5\s+succeeded[^]*rolled back by ada/)
  expectDeployed(await stage.nextDeployment(app), { by: 'ada', kind: 'rollback' })
  expect(await stage.ask(app)).toBe('one')
})

const pages = [
  '/',
  `/app/${app}`,
  `/app/${app}/4`,
  `/app/${app}?do=freeze`,
  '/open',
  '/app/nowhere',
]

test.each(inFull(['light', 'dark'] as const, ['dark'] as const))(
  'can be read by everybody, at 360 pixels and in %s',
  async (colorScheme) => {
    const { page } = tab
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width: 360, height: 740 })
    for (const path of pages) {
      await page.goto(at(path))
      expect([path, await findViolations(page)]).toEqual([path, []])
      expect([path, await widthBeyond(page)]).toEqual([path, 0])
    }
    await page.emulateMedia({ colorScheme: null })
  },
)

test('asks for itself while it is seen, and for nothing while it is hidden', async () => {
  const { page, seen } = await openTab(context)
  await page.clock.install()
  await page.goto(at(`/app/${app}`))
  const hide = (isHidden: boolean): Promise<unknown> =>
    page.evaluate(
      `Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${isHidden} })
      document.dispatchEvent(new Event('visibilitychange'))`,
    )
  const polled = page.waitForResponse((answer) => answer.status() === 304)
  await page.clock.runFor(20_000)
  await polled
  await hide(true)
  const before = seen.requests.length
  await page.clock.runFor(3_600_000)
  expect(seen.requests.slice(before)).toEqual([])
  const asked = page.waitForResponse((answer) => answer.status() === 304)
  await hide(false)
  await asked
  expect(seen.complaints).toEqual([])
  await page.close()
})

test('is whole without a script: signs in by pasting, shows all, freezes and unfreezes', async () => {
  const plain = await browser.open({ javaScriptEnabled: false })
  const { page } = await openTab(plain)
  const url = await offerLink()
  await page.goto(at('/'))
  await page.getByLabel(/The link/).fill(url)
  await page.getByRole('button', { name: 'Open the page' }).click()
  await page.getByRole('link', { name: app }).click()
  await page.getByRole('button', { name: 'Freeze' }).click()
  await page.getByLabel(/Why/).fill('exams until Friday')
  await page.getByRole('button', { name: 'Freeze' }).click()
  expect(await page.locator('#holds').innerText()).toContain('exams until Friday')
  await page.getByRole('button', { name: 'Unfreeze' }).click()
  await page.getByRole('button', { name: 'Unfreeze' }).click()
  expect(await page.locator('#holds').innerText()).not.toContain('exams')
  await page.getByRole('link', { name: '#4' }).first().click()
  await page.locator('summary').first().click()
  expect(await page.locator('pre').first().innerText()).toContain('Cannot find module')
  await plain.close()
})

test('shows a session that only shows no button, and ends with revoke', async () => {
  const guest = await browser.open()
  const { page } = await openTab(guest)
  await open(page, await offerLink({ viewOnly: true, days: 14 }))
  await page.goto(at(`/app/${app}`))
  expect(await page.getByRole('button').allInnerTexts()).toEqual(['Sign out'])
  await stage.team.operators.invoke('open', { revoke: true })
  await page.reload()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await guest.close()
})

test('asks no other site for anything, and breaks its policy nowhere', () => {
  const { requests, complaints } = tab.seen
  expect(requests.length).toBeGreaterThan(20)
  expect(requests.filter((one) => !one.includes(` ${at('/')}`))).toEqual([])
  expect(complaints).toEqual([])
})
