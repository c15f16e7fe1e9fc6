import { describe, expect, it } from 'vitest'
import { html, toHref, toMarkup } from '../../../src/page/html.ts'

const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' autofocus onfocus='alert(1)",
  '</title><script>',
  '&lt;script&gt;',
  '\u001b[31mred\u001b[0m\u001b]0;title\u0007',
  'evil\u202Etxt.exe\u2066\u2069\u200F',
  'two\nlines\r\u2028more',
]

describe('html', () => {
  it.each(hostile)(
    'takes the markup out of a text, in an element and in an attribute: %j',
    (text) => {
      const markup = toMarkup(html`<p title="${text}">${text}</p>`)
      expect(markup).toMatch(/^<p title="[^<>"]*">[^<>]*<\/p>$/)
      expect(markup).not.toMatch(/[\p{Cc}\u202A-\u202E\u2066-\u2069\u200E\u200F]/u)
    },
  )

  it('keeps the markup that it has made, in lists too, and nothing that only looks like it', () => {
    const looksLike: unknown = JSON.parse('{"markup":"<b>","Symbol(markup)":"<b>"}')
    const items = ['a', '<b>'].map((one) => html`<li>${one}</li>`)
    expect(toMarkup(html`${items}`)).toBe('<li>a</li><li>&lt;b&gt;</li>')
    expect(toMarkup(html`<p>${JSON.stringify(looksLike)}</p>`)).not.toContain('<b>')
  })

  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    '//evil.example/x',
    ' https://evil.example/',
    'https://user@evil.example/',
    'http://github.com/',
  ])('links nowhere with %s', (url) => {
    expect(toHref(url)).toBeNull()
  })

  it('links to an https address', () => {
    expect(toHref('https://github.com/acme/x/actions/runs/1')).not.toBeNull()
  })
})
