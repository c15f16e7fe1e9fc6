import { scrub, toSafeLine } from './plain-line.ts'

/**
 * What a commit is, for people: nothing is decided by it, and nothing waits for it. Strangers write these
 * texts; `toOrigin` alone makes one of them.
 */
export interface Origin {
  /** The first line of the commit's message. */
  readonly title: string | null
  readonly author: string | null
  /** The author's account at GitHub. */
  readonly login: string | null
  readonly runUrl: string | null
  /** What the push changed. */
  readonly compareUrl: string | null
}

/** A head keeps six of them, so the longest takes 1,400 bytes of JSON: a character takes four at most. */
export const originLimits = { title: 120, author: 60, url: 250 } as const

/** As a source tells it. */
interface Told {
  readonly message?: string | null | undefined
  readonly author?: string | null | undefined
  readonly email?: string | null | undefined
  readonly login?: string | null | undefined
  readonly runUrl?: string | null | undefined
  readonly compareUrl?: string | null | undefined
}

const toText = (told: string, most: number): string | null => {
  const characters = Array.from(toSafeLine(told))
  if (characters.length === 0) return null
  return characters.length <= most
    ? characters.join('')
    : `${characters.slice(0, most - 1).join('')}…`
}

/** GitHub writes an account's commits with such an address if the account hides its own. */
const noReply = /^(?:\d+\+)?(.+)@users\.noreply\.github\.com$/

const toLogin = ({ login, email }: Told): string | null => {
  const [, named] = noReply.exec(email?.slice(0, 200) ?? '') ?? []
  const account = login ?? named ?? ''
  return /^[a-z\d][\w-]{0,38}(\[bot\])?$/i.test(account) ? account : null
}

/** An author's, which is not kept. */
const mailAddress = /<?[^\s<>]{1,200}@[^\s<>]{1,200}>?/g

/** Without its query and fragment, which these addresses do not need, and in letters that no markup uses. */
const toLink = (told: string | null | undefined, hosts: readonly string[]): string | null => {
  if (!told || !URL.canParse(told)) return null
  const { protocol, host, username, password, pathname } = new URL(told)
  const isExpected = protocol === 'https:' && hosts.includes(host) && username + password === ''
  const link = `https://${host}${pathname}`
  const isPlain = /^[\w./~%@:+-]+$/.test(link) && link.length <= originLimits.url
  return isExpected && isPlain && scrub(link) === link ? link : null
}

/** @param hosts those that its addresses may name; null if nothing of it can be shown */
export const toOrigin = (told: Told, hosts: readonly string[]): Origin | null => {
  // Far beyond what is kept, so that no pattern works on a mebibyte.
  const [title = ''] = (told.message ?? '')
    .slice(0, 4000)
    .trimStart()
    .split(/[\r\n]/)
  const origin: Origin = {
    title: toText(title, originLimits.title),
    author: toText(
      (told.author ?? '').slice(0, 4000).replaceAll(mailAddress, ''),
      originLimits.author,
    ),
    login: toLogin(told),
    runUrl: toLink(told.runUrl, hosts),
    compareUrl: toLink(told.compareUrl, hosts),
  }
  return Object.values(origin).every((one) => one === null) ? null : origin
}

/** Each field from the first that has it. */
export const joinOrigins = (origins: readonly (Origin | null)[]): Origin | null => {
  const known = origins.filter((origin) => origin !== null)
  const first = (field: keyof Origin) =>
    known.map((origin) => origin[field]).find((one) => one !== null) ?? null
  return known.length === 0
    ? null
    : {
        title: first('title'),
        author: first('author'),
        login: first('login'),
        runUrl: first('runUrl'),
        compareUrl: first('compareUrl'),
      }
}
