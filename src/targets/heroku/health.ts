import type { HerokuSettings } from '../../deployment/app.ts'
import type { OpenHttp } from '../../kernel/http.ts'
import type { HerokuPorts } from './ports.ts'

/** For all checks of one look: a run has a minute, and an Eco dyno that sleeps is awake for the next look. */
const healthMilliseconds = 8_000

const askOnce = async (
  openHttp: OpenHttp,
  url: URL,
  { from, to }: HerokuSettings['health']['expect'],
  timeoutMilliseconds: number,
): Promise<string | null> => {
  if (timeoutMilliseconds <= 0) return 'did not answer in time'
  const answered = await openHttp({ method: 'GET', url, timeoutMilliseconds })
  if (!answered.ok)
    return {
      timeout: 'did not answer in time',
      unreachable: 'could not be reached',
      body_too_large: 'sent too much',
      redirect_refused: 'redirects in a circle, or to an address that is not HTTPS',
    }[answered.error.kind]
  const { status, close } = answered.value
  close()
  return status >= from && status <= to ? null : `answered ${status}`
}

/** Asks the app at its own address, as its users do; why it is not well, or null. */
export const checkHealth = async (
  { openHttp, clock }: Pick<HerokuPorts, 'openHttp' | 'clock'>,
  webUrl: string,
  { path, expect, times }: HerokuSettings['health'],
): Promise<string | null> => {
  const url = new URL(path, webUrl)
  const until = clock().getTime() + healthMilliseconds
  for (let time = 0; time < times; time += 1) {
    const why = await askOnce(openHttp, url, expect, until - clock().getTime())
    if (why !== null) return `GET ${path} ${why}`
  }
  return null
}
