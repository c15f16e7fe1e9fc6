import { once } from 'node:events'
import { createServer } from 'node:http'
import { refuseForeignHosts } from '../base/listen.ts'
import type { HerokuApp } from './app.ts'
import { showPage } from './page.ts'

export interface Router {
  /** `http://127.0.0.1:4000/` */
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Answers the users of one app: from its web dyno, or with a page of Heroku's own. */
export const startRouter = async (findApp: () => HerokuApp): Promise<Router> => {
  const server = createServer((request, response) => {
    const app = findApp()
    const { isGone, isMaintenance } = app.settings
    const dyno = app.answering()
    if (!isGone && !isMaintenance && dyno !== null) return dyno.running.respond(request, response)
    request.resume()
    if (isGone) showPage(response, 404, 'No such app')
    else showPage(response, 503, isMaintenance ? 'Offline for Maintenance' : 'Application error')
  })
  refuseForeignHosts(server).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}/`,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
