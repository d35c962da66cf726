/**
 * The refresh that a record says has started and has no outcome. The refresh token of the record may be used up.
 *
 * - `None`: no refresh has started.
 * - `Ours`: this process started it, and does not know whether the server processed it.
 * - `Foreign`: another process started it, or this one before it was restarted.
 * - `OursFailed`: this process started it, and the server did not process the last request.
 * - `TakenOver`: another process started it, and this one has written the intent anew to finish it.
 */
import type { TokenError } from "../../Errors.js"
import type { Token } from "../../Token.js"

export type Intent =
  | { readonly _tag: "None" }
  | { readonly _tag: "Ours" | "Foreign" | "OursFailed" | "TakenOver"; readonly startedAt: number }

export const none: Intent = { _tag: "None" }

/**
 * Wait for a process that wrote an intent, has no lock, and has not stored the outcome, in milliseconds. It has exited, or
 * its write failed and is retried. Servers that accept a second use of a refresh token do so for longer, some for only ten
 * seconds.
 */
export const graceMs = 4_000

/** The intent of a token. `known` is the last one of this process. */
export const of = (token: Token | undefined, known: Intent): Intent => {
  const startedAt = token?.refreshStartedAt
  if (startedAt === undefined || token?.refreshToken === undefined) return none
  const isKnown = known._tag !== "None" && known._tag !== "Foreign" && known.startedAt === startedAt
  return isKnown ? known : { _tag: "Foreign", startedAt }
}

/** Whether the server may have processed a request with the refresh token already. */
export const isAmbiguous = ({ _tag }: Intent): boolean => _tag !== "None" && _tag !== "OursFailed"

/** Until when the outcome of another process is awaited. Undefined if the refresh may start at `now`. */
export const awaitedUntil = (intent: Intent, now: number): number | undefined => {
  if (intent._tag !== "Foreign") return undefined
  const until = intent.startedAt + graceMs
  return now >= intent.startedAt && now < until ? until : undefined
}

/** The intent that this process writes at `now`, before it sends the refresh token. Its own one keeps its identity. */
export const begun = (intent: Intent, now: number): Exclude<Intent, { readonly _tag: "None" }> => {
  if (intent._tag === "None") return { _tag: "Ours", startedAt: now }
  return intent._tag === "Foreign" ? { _tag: "TakenOver", startedAt: now } : intent
}

/** Whether this process started it, so that the outcome of its request is the whole truth. */
const isOwn = ({ _tag }: Intent): boolean => _tag === "Ours" || _tag === "OursFailed"

/** The intent after a failed request. An `invalid_grant` does not show whether an earlier request was processed. */
export const afterFailure = (intent: Intent, { reason, sent }: TokenError): Intent => {
  if (intent._tag === "None" || !isOwn(intent) || reason === "ReauthorizationRequired") return intent
  return { _tag: sent === "maybe" ? "Ours" : "OursFailed", startedAt: intent.startedAt }
}
