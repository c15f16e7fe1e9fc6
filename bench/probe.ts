import { get } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

// `probe.ts URL TEXT` asks until it is answered the text, over a fresh connection each time, and tells
// when that was. A process of its own: it sees the answer when it is there, whatever the one that
// measures does.

const gapMilliseconds = 5

const ask = (url: string): Promise<string> =>
  new Promise((resolve) => {
    const nothing = (): void => resolve('')
    get(url, { agent: false }, (response) => {
      readText(response).then(resolve, nothing)
    }).on('error', nothing)
  })

const [, , url = '', text = ''] = process.argv
await ask(url)
process.send?.('asking')
while ((await ask(url)).trim() !== text) await sleep(gapMilliseconds)
process.send?.(Date.now(), () => process.disconnect())
