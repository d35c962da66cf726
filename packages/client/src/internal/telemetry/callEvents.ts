/** The events of the start and the end of a call. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Send } from "../call/pipeline.js"
import type { CallContext } from "../call/context.js"
import { responseOfError } from "../errors/errorResponse.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import { observeExchange } from "./attributes.js"
import type { Listener } from "./timeline.js"
import { addListener, observation, observationOf, publishEvent } from "./timeline.js"
import { globalState } from "../runtime/fiber.js"

/** Two copies of this package share the count. */
const calls: { last: number } = globalState("@countersign/client/Timeline/calls", () => ({ last: 0 }))

const tagPattern = /^[\w@/.-]{1,80}$/

/** The tag of an error. A scheme may fail with any value, which may be secret. */
const tagOf = (error: unknown): string => {
  const tag = typeof error === "object" && error !== null && "_tag" in error ? error._tag : undefined
  return typeof tag === "string" && tagPattern.test(tag) ? tag : "Error"
}

const statusOf = (error: unknown): number | undefined => {
  const status = typeof error === "object" && error !== null && "status" in error ? error.status : undefined
  return typeof status === "number" ? status : undefined
}

interface Result {
  readonly outcome: string
  readonly status: number | undefined
  readonly response: HttpClientResponse | undefined
}

const resultOf = (exit: Exit.Exit<HttpClientResponse, unknown>): Result => {
  if (Exit.isSuccess(exit)) {
    const { status } = exit.value
    return { outcome: String(status), status, response: exit.value }
  }
  const failure = Cause.failureOption(exit.cause)
  if (Option.isNone(failure)) {
    const outcome = Cause.isInterruptedOnly(exit.cause) ? "Interrupted" : "Defect"
    return { outcome, status: undefined, response: undefined }
  }
  const error = failure.value
  const response = typeof error === "object" && error !== null ? responseOfError.get(error) : undefined
  return { outcome: tagOf(error), status: response?.status ?? statusOf(error), response }
}

/**
 * Sends a call. If there is a listener, every event of the call has its number, and there are events of its start and its
 * end. Without a listener this costs a look at the fiber.
 */
export const observeCall = <E, R>(
  api: string,
  own: Listener | undefined,
  request: HttpClientRequest,
  next: Send<E, R>,
  context: CallContext
): Effect.Effect<HttpClientResponse, E, R> => {
  const outer = observationOf(context.fiber)
  const observed = own === undefined ? outer : addListener(outer, own)
  if (observed === undefined) return next(request, context)
  return Effect.suspend(() => {
    const { fiber } = context
    const call = { id: ++calls.last, api, requests: 0, waitedMs: 0 }
    const inner = { ...observed, call }
    const since = unsafeMonotonicNow(fiber)
    const { method } = request
    const url = redactedUrl(request)
    const exchange = observeExchange(() => {
      publishEvent(inner, { _tag: "CallStarted", method, url }, { fiber })
      return {
        exchange: Effect.suspend(() => next(request, { ...context, attempt: 1 })),
        onEnd: (exit: Exit.Exit<HttpClientResponse, E>) => {
          const { outcome, response, status } = resultOf(exit)
          const ms = Math.round(unsafeMonotonicNow(fiber) - since)
          const { requests } = call
          const waitedMs = Math.min(call.waitedMs, ms)
          const ended = { _tag: "CallEnded", method, url, outcome, ms, requests, waitedMs } as const
          publishEvent(inner, status === undefined ? ended : { ...ended, status }, { fiber, request, response })
        }
      }
    })
    return Effect.locally(exchange, observation, inner)
  })
}
