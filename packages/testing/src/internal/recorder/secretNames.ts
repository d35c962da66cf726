/** Names of parameters and members with secret values. */

/** Words that make a name secret wherever they stand in it. */
const secretWords: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "cookies",
  "credential",
  "credentials",
  "passphrase",
  "passwd",
  "password",
  "secret",
  "secrets"
])

/** Words that make a name secret as its last word. `token_type` and `session_count` are public. */
const secretLastWords: ReadonlySet<string> = new Set([
  "assertion",
  "bearer",
  "csrf",
  "dpop",
  "jwt",
  "otp",
  "passcode",
  "pin",
  "pwd",
  "session",
  "sid",
  "sig",
  "signature",
  "xsrf"
])

/** Ends of names that are written in one word, such as `apikey` and `accesstoken`. */
const secretEnd =
  /(?:token|secret|password|sessionid|(?:api|access|account|encryption|master|private|shared|signing|subscription)key|codeverifier|devicecode|usercode)s?$/

/** Parameters of a query that are secret. As members of JSON, these names are often public. */
const secretParameters: ReadonlySet<string> = new Set(["auth", "code", "key"])

/** Parameters of a form that are also random in each run (RFC 9126, RFC 7636). */
const secretFields: ReadonlySet<string> = new Set([...secretParameters, "code_challenge", "nonce", "state"])

const wordsOf = (name: string): ReadonlyArray<string> =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "")

/** How many names of which length are remembered: a text may repeat a few names very often. */
const maxRemembered = 1000
const maxLength = 100

const remembered = (test: (name: string) => boolean): ((name: string) => boolean) => {
  const results = new Map<string, boolean>()
  return (name) => {
    const known = results.get(name)
    if (known !== undefined) return known
    const result = test(name)
    if (name.length > maxLength) return result
    if (results.size >= maxRemembered) results.clear()
    results.set(name, result)
    return result
  }
}

/** Which names are secret. */
export interface SecretNames {
  readonly isMember: (name: string) => boolean
  readonly isParameter: (name: string) => boolean
  readonly isField: (name: string) => boolean
}

/** The known names, and others in any letter case. */
export const make = (others: ReadonlyArray<string>): SecretNames => {
  const known = new Set(others.map((name) => name.toLowerCase()))
  const isMember = remembered((name) => {
    const words = wordsOf(name)
    return (
      known.has(name.toLowerCase()) ||
      words.some((word) => secretWords.has(word)) ||
      secretLastWords.has(words.at(-1) ?? "") ||
      secretEnd.test(words.join(""))
    )
  })
  return {
    isMember,
    isParameter: (name) => isMember(name) || secretParameters.has(name.toLowerCase()),
    isField: (name) => isMember(name) || secretFields.has(name.toLowerCase())
  }
}
