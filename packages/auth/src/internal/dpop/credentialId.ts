/** The credential id of a request with DPoP: what was sent, so that a rejection can be judged. */
import type { ServerHint } from "./serverHints.js"

export interface DpopCredential {
  readonly generation: number
  readonly origin: string
  readonly nonce: string | undefined
  /** Assumed offset of the server's clock when the proof was made, in milliseconds; positive if it is ahead of ours. */
  readonly clockSkew: number
}

/** Errors with which a server rejects a proof (RFC 9449 §7.1, §9). */
export type ProofError = "use_dpop_nonce" | "invalid_dpop_proof"

/** Encodes the credential id as a text. Neither an origin nor a nonce contains a space. */
export const write = ({ clockSkew, generation, nonce = "", origin }: DpopCredential): string =>
  [generation, clockSkew, origin, nonce].join(" ")

export const read = (credential: string | number): DpopCredential => {
  const [generation, clockSkew, origin = "", nonce = ""] = String(credential).split(" ")
  return {
    generation: Number(generation),
    clockSkew: Number(clockSkew),
    origin,
    nonce: nonce === "" ? undefined : nonce
  }
}

/** A `Date` header has whole seconds, and takes time to arrive. Times that differ by less count as equal. */
const clockToleranceMs = 5000

const isOtherTime = (one: number, other: number): boolean => Math.abs(one - other) >= clockToleranceMs

/**
 * Whether another proof may be accepted, because the server has since sent another nonce or time. False if the rejected
 * proof was already the second one for this token, made after the proof in `before` was rejected.
 */
export const shouldRetryProof = (
  complaint: ProofError,
  refused: DpopCredential,
  before: DpopCredential,
  said: ServerHint
): boolean => {
  const isSecond =
    before.generation === refused.generation &&
    (before.nonce !== refused.nonce || isOtherTime(before.clockSkew, refused.clockSkew))
  if (isSecond) return false
  if (said.nonce !== undefined && said.nonce !== refused.nonce) return true
  return (
    complaint === "invalid_dpop_proof" && said.clockSkew !== undefined && isOtherTime(said.clockSkew, refused.clockSkew)
  )
}
