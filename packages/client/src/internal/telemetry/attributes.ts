/** Attributes of a finished request, by OpenTelemetry's semantic conventions for HTTP. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { SendError } from "../../Errors.js"
import { BodyTooLarge, InvalidRequest, RedirectRejected, Timeout, TransportError } from "../../Errors.js"

/** Replaces unknown values, so that a server cannot increase the number of label values. */
export const otherValue = "_OTHER"

const methods: ReadonlySet<string> = new Set([
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "TRACE"
])

/** `http.request.method`: the methods of RFC 9110 and PATCH. */
export const methodOf = (method: string): string => (methods.has(method) ? method : otherValue)

/** `http.response.status_code`, if it is a valid status. */
export const statusOf = (status: number): string => (status >= 100 && status <= 599 ? String(status) : otherValue)

/** Errors of a request that this package defines. They are safe to print. */
type ExchangeError = SendError

export const isExchangeError = (error: unknown): error is ExchangeError =>
  error instanceof TransportError ||
  error instanceof Timeout ||
  error instanceof InvalidRequest ||
  error instanceof RedirectRejected ||
  error instanceof BodyTooLarge

const nameOf = (error: ExchangeError): string => {
  switch (error._tag) {
    case "BodyTooLarge":
      return error._tag
    case "Timeout":
      return `${error._tag}.${error.scope}`
    case "InvalidRequest":
    case "RedirectRejected":
    case "TransportError":
      return `${error._tag}.${error.reason}`
  }
}

/** `error.type` of a failed request: one of a fixed set. */
export const errorTypeOf = (cause: Cause.Cause<unknown>): string => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (isExchangeError(failure)) return nameOf(failure)
  return Cause.isInterruptedOnly(cause) ? "Interrupted" : otherValue
}

/**
 * Calls `onEnd` with the result of a request, even after an interruption. `start` runs uninterruptibly, so that each
 * start has an end.
 */
export const observeExchange = <E, R>(
  start: () => {
    readonly exchange: Effect.Effect<HttpClientResponse, E, R>
    readonly onEnd: (exit: Exit.Exit<HttpClientResponse, E>) => void
  }
): Effect.Effect<HttpClientResponse, E, R> =>
  Effect.uninterruptibleMask((restore) => {
    const { exchange, onEnd } = start()
    const end = (exit: Exit.Exit<HttpClientResponse, E>) => {
      onEnd(exit)
      return exit
    }
    return Effect.matchCauseEffect(restore(exchange), {
      onFailure: (cause) => end(Exit.failCause(cause)),
      onSuccess: (response) => end(Exit.succeed(response))
    })
  })
