import type { HerokuSettings } from '../../deployment/app.ts'
import type { HttpStream, OpenHttp } from '../../kernel/http.ts'
import type { HerokuPorts } from './ports.ts'

type HerokuHealth = HerokuSettings['health']

/** For all checks of one look: a run has a minute, and an Eco dyno that sleeps is awake for the next look. */
const healthMilliseconds = 8_000

/** As much of an answer as an instance reads (`host/health.sh`). */
const mostCheckedBytes = 65_536

/** Such a redirect comes from what stands before the app's pages: every one of them may be broken. */
const isToSamePath = (url: URL, { status, headers }: HttpStream): boolean => {
  const location = headers.get('location')
  if (status < 300 || status > 399 || location === null || !URL.canParse(location, url.href))
    return false
  return new URL(location, url).pathname === url.pathname
}

/**
 * `Age` means that the app was not asked for this answer (RFC 9111, section 5.1). `X-Cache` has no standard:
 * what says MISS or BYPASS, and no HIT, was asked for.
 */
const isFromCache = ({ headers }: HttpStream): boolean => {
  const cache = headers.get('x-cache')
  return (
    headers.has('age') || (cache !== null && (!/miss|bypass/i.test(cache) || /hit/i.test(cache)))
  )
}

/** Throws where the rest does not come. */
const hasText = async ({ chunks }: HttpStream, text: string): Promise<boolean> => {
  let body = Buffer.alloc(0)
  for await (const chunk of chunks) {
    body = Buffer.concat([body, chunk])
    if (body.includes(text)) return true
    if (body.length >= mostCheckedBytes) break
  }
  return false
}

/** Why an answer does not count, or null. */
const judgeCheck = async (
  url: URL,
  answer: HttpStream,
  { expect, contains, scheme }: HerokuHealth,
): Promise<string | null> => {
  const { status } = answer
  const said = `answered ${status}`
  if (scheme !== null && isToSamePath(url, answer))
    return `${said}, a redirect to the same path, which never counts`
  if (status < expect.from || status > expect.to)
    return answer.headers.has('location') ? `${said}, and redirects are not followed` : said
  if (scheme === null) return null
  if (isFromCache(answer)) return `${said} from a cache (Age or X-Cache), which does not count`
  return contains === null || (await hasText(answer, contains))
    ? null
    : `${said} without the text of health.contains`
}

const askOnce = async (
  openHttp: OpenHttp,
  url: URL,
  health: HerokuHealth,
  timeoutMilliseconds: number,
): Promise<string | null> => {
  if (timeoutMilliseconds <= 0) return 'did not answer in time'
  const redirects = health.scheme === null ? 'follow' : 'return'
  const answered = await openHttp({ method: 'GET', url, timeoutMilliseconds, redirects })
  if (!answered.ok)
    return {
      timeout: 'did not answer in time',
      unreachable: 'could not be reached',
      body_too_large: 'sent too much',
      redirect_refused: 'redirects in a circle, or to an address that is not HTTPS',
    }[answered.error.kind]
  try {
    return await judgeCheck(url, answered.value, health)
  } catch {
    return 'did not send its whole answer in time'
  } finally {
    answered.value.close()
  }
}

/** Asks the app at its own address, as its users do; why it is not well, or null. */
export const checkHealth = async (
  { openHttp, clock }: Pick<HerokuPorts, 'openHttp' | 'clock'>,
  webUrl: string,
  health: HerokuHealth,
): Promise<string | null> => {
  const { path, times } = health
  const url = new URL(path, webUrl)
  const until = clock().getTime() + healthMilliseconds
  for (let time = 0; time < times; time += 1) {
    const why = await askOnce(openHttp, url, health, until - clock().getTime())
    if (why !== null) return `GET ${path} ${why}`
  }
  return null
}
