import { createHash } from 'node:crypto'
import { lazy } from '../kernel/lazy.ts'
import { script } from './script.ts'
import { style } from './style.ts'

export interface Asset {
  readonly path: string
  readonly type: string
  readonly text: string
}

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="#1a7f37" d="M4 0l3 4H5v2H3V4H1zM0 7h8v1H0z" transform="rotate(180 4 3)"/></svg>'

const toAsset = (name: string, type: string, text: string): Asset => {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return { path: `/assets/${hash}-${name}`, type, text }
}

/** By the hash of their content: a deploy of Landfall gives a changed one another name. */
export const assets = lazy(() => ({
  style: toAsset('page.css', 'text/css; charset=utf-8', style),
  script: toAsset('page.js', 'text/javascript; charset=utf-8', script),
  icon: toAsset('icon.svg', 'image/svg+xml', icon),
}))

export const findAsset = (path: string): Asset | null =>
  Object.values(assets()).find((asset) => asset.path === path) ?? null
