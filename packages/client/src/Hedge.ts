/**
 * Request hedging: when a response is slow, the request is sent once more, and the first good response is used.
 *
 * @since 0.1.0
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { makePolicy, nextOf } from "./internal/call/pipeline.js"
import { drain } from "./internal/response/readBody.js"
import { isRateLimit } from "./internal/response/retryAfter.js"
import { sleep } from "./internal/time/sleep.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type * as Policy from "./Policy.js"
import * as RequestBody from "./RequestBody.js"
import * as RetryBudget from "./RetryBudget.js"

/**
 * Options of request hedging.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Time without a response before the request is sent again. Use about the 95th percentile of the response time. */
  readonly delay: Duration.DurationInput
  /** Maximum number of additional requests, each `delay` after the one before it (1). */
  readonly maxHedges?: number | undefined
}

/**
 * Default values of {@link Options}. `delay` has none.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { maxHedges: 1 } as const

const names: OptionNames.ShapeOf<Parameters<typeof policy>[0]> = { delay: "duration", maxHedges: "size", budget: true }

/**
 * The value of a client's `hedge` option: a policy that shares the retry budget of the client.
 *
 * @since 0.1.0
 * @category models
 */
export type Hedge = (budget: RetryBudget.RetryBudget | undefined) => Policy.Policy

/** Safe methods (RFC 9110 §9.2.1), of which two requests at a time do no harm. */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

/** Statuses below 500 that another request may improve. */
const busyStatuses: ReadonlySet<number> = new Set([408, 425])

type ResponseExit<E> = Exit.Exit<HttpClientResponse, E>

const isGood = (exit: ResponseExit<unknown>): boolean =>
  Exit.isSuccess(exit) && exit.value.status < 500 && !busyStatuses.has(exit.value.status) && !isRateLimit(exit.value)

/** Whether another request may give a better result. A defect ends the call at once. */
const isImprovable = (exit: ResponseExit<unknown>): boolean =>
  !isGood(exit) && !(Exit.isFailure(exit) && Option.isSome(Cause.dieOption(exit.cause)))

/** Releases the connection of a response that is not used. */
const drainResult = (exit: ResponseExit<unknown>): Effect.Effect<void> =>
  Exit.isSuccess(exit) ? drain(exit.value) : Effect.void

/**
 * Interrupts the slower request in the background, which closes its connection. If it has a response already, that is
 * released.
 */
const interruptLoser = (loser: Fiber.Fiber<HttpClientResponse, unknown>): Effect.Effect<void> =>
  Effect.asVoid(Effect.forkDaemon(Effect.flatMap(Fiber.interrupt(loser), drainResult)))

/**
 * After a bad result, uses the result of the other request, good or bad. The other request is a child fiber, so an
 * interruption of the call ends it.
 */
const awaitOther = <E>(
  exit: ResponseExit<E>,
  other: Fiber.Fiber<HttpClientResponse, E>
): Effect.Effect<HttpClientResponse, E> => Effect.zipRight(drainResult(exit), Effect.flatten(Fiber.await(other)))

interface ResolvedOptions {
  readonly afterMs: number
  readonly budget: RetryBudget.RetryBudget | undefined
}

const sendHedged = <E, R>(
  resolved: ResolvedOptions,
  request: HttpClientRequest,
  next: Policy.Next<E, R>,
  remainingHedges: number
): Effect.Effect<HttpClientResponse, E, R> =>
  Effect.suspend(() => {
    if (remainingHedges <= 0) return next(request)
    let isHedged = false
    const hedge = Effect.suspend(() => {
      if (resolved.budget?.withdraw(request.url, false) === 0) return Effect.never
      isHedged = true
      return sendHedged(resolved, request, next, remainingHedges - 1)
    })
    const onDone = (exit: ResponseExit<E>, other: Fiber.Fiber<HttpClientResponse, E>) =>
      isHedged && isImprovable(exit) ? awaitOther(exit, other) : Effect.zipRight(interruptLoser(other), exit)
    // The caller may be uninterruptible. Without `interruptible` it would wait for the slower request.
    return Effect.raceWith(
      Effect.interruptible(next(request)),
      Effect.interruptible(Effect.zipRight(sleep(resolved.afterMs), hedge)),
      { onSelfDone: onDone, onOtherDone: onDone }
    )
  })

/**
 * Hedging policy: sends a GET, HEAD or OPTIONS again when it has no response after `delay`, and returns the first good
 * response.
 *
 * A response is good unless it is a 408, a 425, a 5xx or a rate limit. The other request is interrupted and its connection
 * is closed. When all requests fail, the last failure is the result. A request that fails before `delay` is over is not
 * hedged. To an outer retry, all requests of a hedge are one attempt.
 *
 * Each hedge withdraws from the retry budget like a retry. When the origin's budget is exhausted, no
 * hedge is sent. Each good response deposits one token, so without a retry one call in 14 can be hedged in the long run. A
 * retry deposits the same, so with a retry one call in seven can be hedged.
 *
 * Each request runs in a separate fiber. Clients without a hedge have no such fibers.
 *
 * @param options.budget - the budget of the retry around it. The default is a separate budget; `false` removes the bound.
 * @since 0.1.0
 * @category policies
 */
export const policy = (
  options: Options & { readonly budget?: RetryBudget.RetryBudget | false | undefined }
): Policy.Policy => {
  const { budget = RetryBudget.make(), maxHedges = defaults.maxHedges } = OptionNames.known("Hedge", options, names)
  const resolved = { afterMs: Duration.toMillis(options.delay), budget: budget === false ? undefined : budget }
  const send = <E, R>(request: HttpClientRequest, next: Policy.Next<E, R>) =>
    Effect.tap(sendHedged(resolved, request, next, maxHedges), (response) => {
      if (isGood(Exit.succeed(response))) resolved.budget?.deposit(request.url, 0)
      return Effect.void
    })
  return makePolicy((request, next, context) =>
    safeMethods.has(request.method) && RequestBody.isReplayable(request.body)
      ? send(request, nextOf(next, context))
      : next(request, context)
  )
}

/**
 * Makes the value of a client's `hedge` option. The client's retries and hedges share one budget.
 *
 * @example
 * import * as Hedge from "@countersign/client/Hedge"
 *
 * const options = { baseUrl: "https://api.example.com", hedge: Hedge.make({ delay: "300 millis" }) }
 *
 * @param options - the delay, and the maximum number of hedges.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Hedge => {
  OptionNames.known("Hedge", options, names)
  return (budget) => policy({ ...options, budget: budget ?? false })
}
