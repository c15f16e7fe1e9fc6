import { readFileSync } from 'node:fs'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import * as z from 'zod'
import { ensurePrograms, findProgram } from '../../local/docker/packages.ts'
import { chromiumProgram } from './chromium.ts'

export interface Tab {
  readonly page: Page
  /** What it has asked for, and what its policy refused or its script broke on. */
  readonly seen: { readonly requests: string[]; readonly complaints: string[] }
}

export interface Browser {
  /** A browser of its own, which has no cookie. */
  open(
    options?: Parameters<Awaited<ReturnType<typeof chromium.launch>>['newContext']>[0],
  ): Promise<BrowserContext>
  close(): Promise<void>
}

export const startBrowser = async (): Promise<Browser> => {
  await ensurePrograms([chromiumProgram])
  const executablePath = findProgram('chromium') ?? ''
  // Root has no sandbox, and a lane's /dev/shm may be small.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
  const browser = await chromium.launch({ executablePath, args })
  return {
    open: async (options = {}) => {
      const context = await browser.newContext(options)
      context.setDefaultTimeout(20_000)
      return context
    },
    close: () => browser.close(),
  }
}

/** A tab that keeps what it asks for and what its policy refuses. */
export const openTab = async (context: BrowserContext): Promise<Tab> => {
  const page = await context.newPage()
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => requests.push(`${request.method()} ${request.url()}`))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() !== 'error') return
    // Chromium says of each answer that is no success that it "failed to load".
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text())
  })
  return { page, seen: { requests, complaints } }
}

const axe = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

const Violations = z.array(
  z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) }),
)

/** The rules of accessibility that a page breaks, with the markup that does. */
export const findViolations = async (page: Page): Promise<readonly string[]> => {
  // By the debugger's protocol, which no policy of the page refuses.
  await page.evaluate(axe)
  const found: unknown = await page.evaluate('axe.run().then(({ violations }) => violations)')
  return Violations.parse(JSON.parse(JSON.stringify(found))).flatMap(({ id, nodes }) =>
    nodes.map(({ html }) => `${id}: ${html}`),
  )
}

/** How far the page is wider than its window. */
export const widthBeyond = (page: Page): Promise<number> =>
  page
    .evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    .then((pixels) => z.number().parse(pixels))
