import * as AwsSignature from "@countersign/protocol/AwsSignature"
import * as HttpDate from "@countersign/protocol/HttpDate"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Clock from "effect/Clock"

/** A server accepts signatures for five minutes or longer, so a smaller difference is no reason for a rejection. */
const toleranceMs = 4 * 60_000

/** The resolution of the times that servers send. */
const resolutionMs = 1_000

const mayBeSkew = (status: number): boolean => status === 400 || status === 401 || status === 403

/**
 * The clock of the server: that of this process, with the difference that rejections have shown.
 *
 * Only rejections change it. A response that accepts a signature proves that its time was near enough.
 */
export class ServerClock {
  #offsetMs = 0
  #clock: Clock.Clock | undefined
  /** Difference between the `Date` of the last rejection and the clock of this process. */
  #lastDifference: number | undefined
  /** Number of rejections with a far `Date` and a body that was not checked yet. */
  #skewed = 0

  /** The difference to the clock of this process, in milliseconds. */
  get offset(): number {
    return this.#offsetMs
  }

  /** The time of the server, in epoch milliseconds. */
  now(clock: Clock.Clock): number {
    this.#clock = clock
    return clock.unsafeCurrentTimeMillis() + this.#offsetMs
  }

  /** Reads the `Date` of a response to a request that was signed with `offset`. */
  readonly onResponse = ({ headers, status }: HttpClientResponse, offset: number): void => {
    // A cache sends the `Date` of the stored response, with its `Age`.
    if (!mayBeSkew(status) || headers["age"] !== undefined) return
    const now = this.#clock?.unsafeCurrentTimeMillis()
    const date = HttpDate.parse(headers["date"] ?? "", now)
    if (date === undefined || now === undefined) return
    this.#lastDifference = date - now
    if (Math.abs(date - now - offset) <= toleranceMs) return
    this.#correct(date - now)
    if (status !== 401) this.#skewed++
  }

  /** Whether the body of a rejection, or its `Date`, is a reason to sign again. */
  readonly isReason = (text: string): boolean => {
    const reason = AwsSignature.rejectionOf(text)
    if (reason?._tag === "Time") this.#correctBy(reason.serverTime)
    if (this.#skewed === 0) return reason !== undefined
    this.#skewed--
    return true
  }

  #correctBy(serverTime: number | undefined): void {
    const now = this.#clock?.unsafeCurrentTimeMillis()
    const difference = serverTime === undefined || now === undefined ? this.#lastDifference : serverTime - now
    if (difference !== undefined && Math.abs(difference - this.#offsetMs) > resolutionMs) this.#correct(difference)
  }

  #correct(offset: number): void {
    this.#offsetMs = offset
  }
}
