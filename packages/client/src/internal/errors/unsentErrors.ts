/** Errors of a request that this client did not send. */
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import { retryText } from "./errorFields.js"

/**
 * Circuit open: the request was not sent, because too many requests to that origin failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class CircuitOpen
  extends /* @__PURE__ */ Data.TaggedError("CircuitOpen")<{
    /** Origin of the request: scheme, host and port. */
    readonly origin: string
    /** Delay until the next probe. While a probe is in flight it is an estimate. */
    readonly retryAfter: Duration.Duration
    /** When the next request is sent: `retryAfter` as a point in time. */
    readonly retryAt: DateTime.Utc
    readonly message: string
  }>
{
  constructor(fields: Pick<CircuitOpen, "origin" | "retryAfter" | "retryAt">) {
    super({
      ...fields,
      message: `The request to ${fields.origin} was not sent: too many requests to it have failed. ${retryText(fields)}`
    })
  }
}

/**
 * Concurrency limit reached: the request was not sent, because the queue is full, or because it got no permit in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class Overloaded
  extends /* @__PURE__ */ Data.TaggedError("Overloaded")<{
    /** Origin of the request: scheme, host and port. */
    readonly origin: string
    /** Maximum number of concurrent requests to the origin. */
    readonly limit: number
    /** Number of requests that wait for a permit. */
    readonly queued: number
    readonly message: string
  }>
{
  constructor(fields: Pick<Overloaded, "origin" | "limit" | "queued">) {
    const { limit, origin, queued } = fields
    const cause = `the limit of ${limit} concurrent requests is reached, and ${queued} are queued`
    const advice = "Send fewer at a time, or raise `limit` or `maxQueued`."
    super({ ...fields, message: `The request to ${origin} was not sent: ${cause}. ${advice}` })
  }
}

/**
 * Invalid request, or invalid options of a client: nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest
  extends /* @__PURE__ */ Data.TaggedError("InvalidRequest")<{
    /** Which part of the request is invalid. `Options`: an option is unknown, or the options of a client are invalid. */
    readonly reason: "Url" | "Header" | "Body" | "Credentials" | "Method" | "Options"
    /** What to change. It contains no value of the caller that may be secret. */
    readonly detail: string
    readonly message: string
  }>
{
  constructor(fields: Pick<InvalidRequest, "reason" | "detail">) {
    super({
      ...fields,
      message: `${fields.reason === "Options" ? "Invalid options" : "The request was not sent"}: ${fields.detail}`
    })
  }
}
