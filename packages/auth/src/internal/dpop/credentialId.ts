/** What a request was sent with, by which its refusal is judged. */
import type { Said } from "./serverHints.js"

export interface Presented {
  readonly generation: number
  readonly origin: string
  readonly nonce: string | undefined
  /** How far the server's clock was taken to be ahead, in milliseconds. */
  readonly ahead: number
}

/** What a server has against a proof (RFC 9449 §7.1, §9). */
export type Complaint = "use_dpop_nonce" | "invalid_dpop_proof"

/** As the name of credentials, which is a text; neither an origin nor a nonce holds a space. */
export const write = ({ ahead, generation, nonce = "", origin }: Presented): string =>
  [generation, ahead, origin, nonce].join(" ")

export const read = (credential: string | number): Presented => {
  const [generation, ahead, origin = "", nonce = ""] = String(credential).split(" ")
  return { generation: Number(generation), ahead: Number(ahead), origin, nonce: nonce === "" ? undefined : nonce }
}

/** A `Date` tells whole seconds, and is some time on its way: what differs by less is the same time. */
const sameTimeMs = 5000

const isOtherTime = (one: number, other: number): boolean => Math.abs(one - other) >= sameTimeMs

/**
 * Whether another proof may fare better than the refused one, by what the server has said since: not if that was itself
 * made because the one `before` it, with the same token, was refused.
 */
export const isWorthAnother = (complaint: Complaint, refused: Presented, before: Presented, said: Said): boolean => {
  const isSecond =
    before.generation === refused.generation &&
    (before.nonce !== refused.nonce || isOtherTime(before.ahead, refused.ahead))
  if (isSecond) return false
  if (said.nonce !== undefined && said.nonce !== refused.nonce) return true
  return complaint === "invalid_dpop_proof" && said.ahead !== undefined && isOtherTime(said.ahead, refused.ahead)
}
