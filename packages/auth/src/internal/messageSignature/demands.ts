/** Signatures that servers demand with `Accept-Signature` (RFC 9421 §5), by origin. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { BoundedMap } from "@countersign/client/BoundedMap"
import * as AcceptSignature from "@countersign/protocol/AcceptSignature"
import type { Credential } from "./credential.js"

/** More origins than a client uses. The limit bounds memory if input determines the origins. */
const maxOrigins = 100

/** A signature that a server demands of the next requests. */
export interface Demand {
  readonly label: string
  readonly requested: AcceptSignature.RequestedSignature
}

interface Remembered extends Demand {
  /** The field value. The same value again is no new demand. */
  readonly field: string
  /** Identifies the demand within its origin's signatures. */
  readonly id: number
}

/** The last demand of each origin that could be fulfilled. */
export class Demands {
  private readonly byOrigin = new BoundedMap<Remembered>(maxOrigins)
  private count = 0

  /** Undefined if the server demands nothing. */
  demandOf(origin: string): Remembered | undefined {
    return this.byOrigin.get(origin)
  }

  /** Remembers the first demand of a 401 that can be fulfilled. */
  update(origin: string, { headers, status }: HttpClientResponse, canFulfil: (demand: Demand) => boolean): void {
    const field = headers["accept-signature"]
    if (status !== 401 || field === undefined || field === this.demandOf(origin)?.field) return
    const parsed = AcceptSignature.parse(field)
    if (parsed._tag === "Err") return
    for (const [label, requested] of parsed.value) {
      if (!canFulfil({ label, requested })) continue
      this.count += 1
      this.byOrigin.set(origin, { label, requested, field, id: this.count })
      return
    }
  }

  /** Whether the server demands another signature than the rejected one. */
  isNew({ demandId, origin }: Credential): boolean {
    return (this.demandOf(origin)?.id ?? 0) !== demandId
  }
}
