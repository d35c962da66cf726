/** How an exchange ended, in the words of OpenTelemetry's semantic conventions for HTTP. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { SendError } from "../../Errors.js"
import { BodyTooLarge, InvalidRequest, RedirectRejected, Timeout, TransportError } from "../../Errors.js"

/** What stands for a value that is none of the known ones: their number must not grow with what others send. */
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

/** `http.response.status_code`, where it is one. */
export const statusOf = (status: number): string => (status >= 100 && status <= 599 ? String(status) : otherValue)

/** The errors of an exchange that are this package's own, and so are safe to print. */
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

/** `error.type` of an exchange that failed; of a fixed set. */
export const errorTypeOf = (cause: Cause.Cause<unknown>): string => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (isExchangeError(failure)) return nameOf(failure)
  return Cause.isInterruptedOnly(cause) ? "Interrupted" : otherValue
}

/** Hands out how an exchange ended, whichever way; what begins with it begins in `begin`, and nothing comes between. */
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
