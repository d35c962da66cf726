import type { TokenCall } from "./faults/fault.js"
import type { Exchange } from "./grants/refreshToken.js"
import type { Refusal } from "./http/oauthError.js"
import type { RefreshTokenId } from "./tokens/tokenFamily.js"

/** What became of a grant. `withheld`: it was not carried out, since a fault came in its place. */
type Outcome = "issued" | Exchange["outcome"] | Refusal["error"] | "withheld"

/** What the log has of one call. */
export interface LoggedCall extends TokenCall {
  readonly outcome: Outcome
  readonly presented: RefreshTokenId | undefined
  readonly given: RefreshTokenId | undefined
  readonly faulty: boolean
}

/** A call while it is answered. */
export type Entry = { -readonly [Field in keyof LoggedCall]: LoggedCall[Field] }

/** Opens the next entry of a log. */
export const open = (log: Array<Entry>, grantType: string | undefined, at: number): Entry => {
  const entry: Entry = {
    index: log.length,
    grantType,
    at,
    outcome: "withheld",
    presented: undefined,
    given: undefined,
    faulty: false
  }
  log.push(entry)
  return entry
}
