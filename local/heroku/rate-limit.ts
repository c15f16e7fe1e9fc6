const mostTokens = 4500
const tokensPerMinute = 75

/** An account's pool of tokens, one a request, which fills up by 75 a minute. */
export const createRateLimit = (now: () => number) => {
  let pool = { tokens: mostTokens, at: now() }
  const fill = (): number => {
    const gained = ((now() - pool.at) / 60_000) * tokensPerMinute
    pool = { tokens: Math.min(mostTokens, pool.tokens + gained), at: now() }
    return Math.floor(pool.tokens)
  }
  return {
    remaining: fill,
    /** False where so many are not left. */
    take: (tokens: number): boolean => {
      if (fill() < tokens) return false
      pool.tokens -= tokens
      return true
    },
  }
}
