import type { ServerResponse } from 'node:http'

/** A page that Heroku's router answers with itself. */
export const showPage = (response: ServerResponse, status: number, title: string): void => {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' })
  response.end(`<!DOCTYPE html><title>${title}</title><h1>${title}</h1>\n`)
}
