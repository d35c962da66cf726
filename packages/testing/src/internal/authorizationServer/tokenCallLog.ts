import type { TokenCall } from "./faults/fault.js"
import type { Exchange } from "./grants/refreshToken.js"
import type { Refusal } from "./http/oauthError.js"
import type { RefreshTokenId } from "./tokens/tokenFamily.js"

/** Outcome of a grant. `withheld`: a fault replaced the response, and the grant was not executed. */
type Outcome = "issued" | Exchange["outcome"] | Refusal["error"] | "withheld"

/** One call of the token endpoint and its outcome, without secrets. */
export interface LoggedCall extends TokenCall {
  /**
   * `issued`; `refreshed`; `replayed` for a used refresh token within the grace; `reused` when its reuse revoked the family;
   * the error code; or `withheld` when a fault replaced the grant.
   */
  readonly outcome: Outcome
  /** Refresh token of the request. */
  readonly presented: RefreshTokenId | undefined
  /** Refresh token of the response. */
  readonly given: RefreshTokenId | undefined
  /** Whether a fault changed the response that the client received. */
  readonly faulty: boolean
}

/** A call in progress. */
export type Entry = { -readonly [Field in keyof LoggedCall]: LoggedCall[Field] }

/** Appends an entry to the log. */
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
