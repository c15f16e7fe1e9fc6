import { once } from 'node:events'
import { createServer } from 'node:http'
import type { HerokuApp } from './app.ts'

export interface Router {
  /** `http://127.0.0.1:4000/` */
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Answers the users of one app: from its web dyno, or with a page of Heroku's own. */
export const startRouter = async (findApp: () => HerokuApp): Promise<Router> => {
  const server = createServer((request, response) => {
    const app = findApp()
    const dyno = app.settings.isGone ? null : app.answering()
    if (dyno !== null && !app.settings.isMaintenance) return dyno.running.respond(request, response)
    const [status, title] = app.settings.isGone
      ? [404, 'No such app']
      : [503, app.settings.isMaintenance ? 'Offline for Maintenance' : 'Application error']
    request.resume()
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' })
    response.end(`<!DOCTYPE html><title>${title}</title><h1>${title}</h1>\n`)
  })
  server.listen(0, '127.0.0.1')
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
