/** A device that signs in (RFC 8628). */
import type { Approval } from "../consent/authorization.js"

/** A device that waits for its user. */
export interface Device {
  readonly clientId: string
  readonly userCode: string
  readonly scope: string | undefined
  readonly audience: ReadonlyArray<string> | undefined
  readonly expiresAt: number
  /** How long the device has to wait between two polls, in milliseconds. */
  interval: number
  polledAt: number | undefined
  /** What the user has said; `spent` once the tokens are given. */
  decision: "pending" | "denied" | "spent" | Approval
}
