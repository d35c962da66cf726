/** Clock offsets of servers, by the `Date` of their responses. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { BoundedMap } from "@countersign/client/BoundedMap"
import * as HttpDate from "@countersign/protocol/HttpDate"
import type { SignedTime } from "./signedTime.js"

/** More origins than a client uses. The limit bounds memory if input determines the origins. */
const maxOrigins = 100

/** A `Date` has whole seconds, and takes time to arrive. A smaller offset counts as none. */
const minSkewMs = 5000

/** How far the clocks of servers are ahead of this machine's. */
export class ServerClocks {
  private readonly skews = new BoundedMap<number>(maxOrigins)

  /** In milliseconds, 0 if it is small or not known. */
  skewOf(origin: string): number {
    return this.skews.get(origin) ?? 0
  }

  /** The `Date` of a cached response (`Age`) is not the server's current time. */
  update(origin: string, { headers }: HttpClientResponse, now: number): void {
    const date = headers["age"] === undefined ? HttpDate.parse(headers["date"] ?? "", now) : undefined
    if (date !== undefined) this.correct(origin, date - now)
  }

  /** Sets the offset that a response showed, in milliseconds. */
  correct(origin: string, skewMs: number): void {
    this.skews.set(origin, Math.abs(skewMs) < minSkewMs ? 0 : skewMs)
  }

  /** Whether the server may accept another signature, because its clock is known better since the rejected one was made. */
  isCorrected({ origin, skewMs }: SignedTime): boolean {
    return Math.abs(this.skewOf(origin) - skewMs) >= minSkewMs
  }
}
