import type { HerokuSettings } from '../../deployment/app.ts'
import type { OpenHttp } from '../../kernel/http.ts'

/** An Eco dyno that sleeps takes some seconds to wake. */
const healthMilliseconds = 15_000

const askOnce = async (
  openHttp: OpenHttp,
  url: URL,
  { from, to }: HerokuSettings['health']['expect'],
): Promise<string | null> => {
  const answered = await openHttp({ method: 'GET', url, timeoutMilliseconds: healthMilliseconds })
  if (!answered.ok)
    return {
      timeout: 'did not answer in time',
      unreachable: 'could not be reached',
      body_too_large: 'sent too much',
      redirect_refused: 'redirects to an address that is not HTTPS',
    }[answered.error.kind]
  const { status, close } = answered.value
  close()
  return status >= from && status <= to ? null : `answered ${status}`
}

/** Asks the app at its own address, as its users do; why it is not well, or null. */
export const checkHealth = async (
  openHttp: OpenHttp,
  webUrl: string,
  { path, expect, times }: HerokuSettings['health'],
): Promise<string | null> => {
  const url = new URL(path, webUrl)
  for (let time = 0; time < times; time += 1) {
    const why = await askOnce(openHttp, url, expect)
    if (why !== null) return `GET ${path} ${why}`
  }
  return null
}
