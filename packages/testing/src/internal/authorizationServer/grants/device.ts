/** Device authorization (RFC 8628). */
import type { Approval } from "../consent/authorization.js"

/** A device authorization in progress. */
export interface Device {
  readonly clientId: string
  readonly userCode: string
  readonly scope: string | undefined
  readonly audience: ReadonlyArray<string> | undefined
  readonly expiresAt: number
  /** Polling interval in milliseconds. */
  interval: number
  polledAt: number | undefined
  /** Decision of the user; `spent` after the tokens were issued. */
  decision: "pending" | "denied" | "spent" | Approval
}
