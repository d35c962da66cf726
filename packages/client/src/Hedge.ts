/**
 * A second send where the first takes long: of two answers, the one that comes first.
 *
 * @since 0.1.0
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { release } from "./internal/response/readBody.js"
import { isLimit } from "./internal/response/retryAfter.js"
import { sleep } from "./internal/time/sleep.js"
import * as Policy from "./Policy.js"
import * as RequestBody from "./RequestBody.js"
import * as RetryBudget from "./RetryBudget.js"

/**
 * When to send again, and how often.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long to wait for an answer before there is one more send: a time in which nineteen of twenty come. */
  readonly delay: Duration.DurationInput
  /** The most sends beside the first, each `delay` after the one before it (1). */
  readonly maxHedges?: number | undefined
}

/**
 * What {@link Options} are when they are left out; there is no hedge without `delay`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { maxHedges: 1 } as const

/**
 * A hedge for a client: its option `hedge`. The client gives it the budget of its retries.
 *
 * @since 0.1.0
 * @category models
 */
export type Hedge = (budget: RetryBudget.RetryBudget | undefined) => Policy.Policy

/** What changes nothing on the server, so that two at a time do no harm (RFC 9110 §9.2.1). */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

/** Answers that another send may better. */
const busy: ReadonlySet<number> = new Set([408, 425])

type Outcome<E> = Exit.Exit<HttpClientResponse, E>

const isGood = (exit: Outcome<unknown>): boolean =>
  Exit.isSuccess(exit) && exit.value.status < 500 && !busy.has(exit.value.status) && !isLimit(exit.value)

/** Lets go of what a send came to that nobody waits for. */
const drop = (exit: Outcome<unknown>): Effect.Effect<void> => (Exit.isSuccess(exit) ? release(exit.value) : Effect.void)

/** Ends a send, without a wait: its connection is cut, or what came after all is let go. */
const end = (loser: Fiber.Fiber<HttpClientResponse, unknown>): Effect.Effect<void> =>
  Effect.asVoid(Effect.forkDaemon(Effect.flatMap(Fiber.interrupt(loser), drop)))

/** The other one's outcome, whatever it is, after one that was none to be glad of. An interruption ends it: it is a child. */
const otherwise = <E>(
  exit: Outcome<E>,
  other: Fiber.Fiber<HttpClientResponse, E>
): Effect.Effect<HttpClientResponse, E> => Effect.zipRight(drop(exit), Effect.flatten(Fiber.await(other)))

interface Rules {
  readonly after: number
  readonly budget: RetryBudget.RetryBudget | undefined
}

const hedged = <E, R>(
  rules: Rules,
  request: HttpClientRequest,
  next: Policy.Next<E, R>,
  left: number
): Effect.Effect<HttpClientResponse, E, R> =>
  Effect.suspend(() => {
    if (left <= 0) return next(request)
    let isHedged = false
    const second = Effect.suspend(() => {
      if (rules.budget?.withdraw(request.url, false) === 0) return Effect.never
      isHedged = true
      return hedged(rules, request, next, left - 1)
    })
    const settled = (exit: Outcome<E>, other: Fiber.Fiber<HttpClientResponse, E>) =>
      isHedged && !isGood(exit) ? otherwise(exit, other) : Effect.zipRight(end(other), exit)
    // A caller that cannot be interrupted is not to wait for the slower one.
    return Effect.raceWith(
      Effect.interruptible(next(request)),
      Effect.interruptible(Effect.zipRight(sleep(rules.after), second)),
      { onSelfDone: settled, onOtherDone: settled }
    )
  })

/**
 * Sends a GET, HEAD or OPTIONS once more when it has not been answered `after` a time, and gives out the first good answer:
 * any but 408, 425, 5xx and rate limits. The other send is interrupted, and its connection closed. To a retry around it they are
 * one attempt. What fails before the time is up fails as it would have; when all fail, the last failure is the outcome.
 *
 * A further send is paid for like a retry, and there is none when the origin's budget has run dry. Each good answer
 * earns a token, so that without a retry one call in fourteen can be hedged in the long run, and with one, which
 * earns the same, one in seven.
 *
 * Each request is a fiber of its own here; a client without a hedge has none.
 *
 * @param options.budget - the one of the retry around it; one of its own when left out; `false` for no bound.
 * @since 0.1.0
 * @category policies
 */
export const policy = (
  options: Options & { readonly budget?: RetryBudget.RetryBudget | false | undefined }
): Policy.Policy => {
  const { budget = RetryBudget.make(), maxHedges = defaults.maxHedges } = options
  const rules = { after: Duration.toMillis(options.delay), budget: budget === false ? undefined : budget }
  const send = <E, R>(request: HttpClientRequest, next: Policy.Next<E, R>) =>
    Effect.tap(hedged(rules, request, next, maxHedges), (response) => {
      if (isGood(Exit.succeed(response))) rules.budget?.deposit(request.url, 0)
      return Effect.void
    })
  return Policy.make((request, next) =>
    safeMethods.has(request.method) && RequestBody.isReplayable(request.body) ? send(request, next) : next(request)
  )
}

/**
 * A hedge for a client. The client's retry and the hedge spend one budget.
 *
 * @example
 * import * as Hedge from "@countersign/client/Hedge"
 *
 * const options = { baseUrl: "https://api.example.com", hedge: Hedge.make({ after: "300 millis" }) }
 *
 * @since 0.1.0
 * @category constructors
 */
export const make =
  (options: Options): Hedge =>
  (budget) =>
    policy({ ...options, budget: budget ?? false })
