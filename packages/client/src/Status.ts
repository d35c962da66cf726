/**
 * Typed errors for HTTP status codes, made by the outermost policies of the pipeline.
 *
 * | status | error |
 * |---|---|
 * | 401 | `Unauthorized` |
 * | 429; 403 or 413 with `Retry-After`; 403 with rate limit fields that say that nothing remains | `RateLimited` |
 * | other 403 | `Forbidden` |
 * | 408, 425, 5xx | `Unavailable` |
 * | other 4xx | `ClientError` |
 * | below 400 | none: the response is returned |
 *
 * @since 0.1.0
 */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CallContext } from "./internal/call/context.js"
import { checkDeadline, remainingMillis } from "./internal/call/context.js"
import { makePolicy } from "./internal/call/pipeline.js"
import { responseOfError } from "./internal/errors/errorResponse.js"
import { readErrorBody } from "./internal/response/errorBody.js"
import { bufferErrorBody } from "./internal/response/readBody.js"
import type { StatusError } from "./internal/response/statusError.js"
import { completeStatusError, makeStatusError } from "./internal/response/statusError.js"
import { currentTimeMillis } from "./internal/time/clock.js"
import type * as Policy from "./Policy.js"

const fromResponse = (response: HttpClientResponse, context: CallContext) =>
  Effect.gen(function* () {
    const settled = yield* bufferErrorBody(response, remainingMillis(context))
    yield* checkDeadline(context)
    const body = yield* readErrorBody(settled)
    const now = yield* currentTimeMillis
    return yield* Effect.fail(makeStatusError(settled, now, body))
  })

/** Reads the response that an inner policy failed with, because an unread body would keep its connection busy. */
const settled = <E>(failure: E, context: CallContext): Effect.Effect<never, E> => {
  // A WeakMap has no entry for a value that is not an object, so the look-up is safe.
  const error = failure as E & object
  const response = responseOfError.get(error)
  if (response === undefined) return Effect.fail(error)
  return Effect.flatMap(bufferErrorBody(response, remainingMillis(context)), (whole) =>
    Effect.flatMap(readErrorBody(whole), (body) => Effect.fail(completeStatusError(error, whole, body)))
  )
}

/**
 * Status policy: fails with a typed error for every status of 400 or more, by the table of this module.
 *
 * Up to 64 KiB of the error body are read, for `serverMessage`, `problem`, `body` and `response` of the error. Then the
 * connection is free.
 *
 * @example
 * import * as Status from "@countersign/client/Status"
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 *
 * const client = Effect.map(HttpClient.HttpClient, Status.policy)
 *
 * @since 0.1.0
 * @category policies
 */
export const policy: Policy.Policy<StatusError> = makePolicy<StatusError>((request, next, context) =>
  Effect.matchCauseEffect(next(request, context), {
    onFailure: (cause) => onFailure(cause, context),
    onSuccess: (response) => (response.status < 400 ? Effect.succeed(response) : fromResponse(response, context))
  })
)

const onFailure = <E>(cause: Cause.Cause<E>, context: CallContext): Effect.Effect<never, E> => {
  const failure = Cause.failureOrCause(cause)
  return Either.isLeft(failure) ? settled(failure.left, context) : Effect.failCause(failure.right)
}
