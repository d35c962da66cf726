/** Exchanges on their way through the bulkheads of a client. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Overloaded } from "../../Errors.js"
import * as Timeline from "../../Timeline.js"
import type { Running } from "../call/context.js"
import { callOf } from "../call/context.js"
import { PerOrigin } from "../origins/perOrigin.js"
import type { Verdict } from "../origins/serverHealth.js"
import { isOutage, verdictOf } from "../origins/serverHealth.js"
import { isLimit } from "../response/retryAfter.js"
import { admitted } from "../telemetry/admittedEvent.js"
import { monotonicOf } from "../time/clock.js"
import { Bulkhead } from "./bulkhead.js"
import type { Permit } from "./bulkhead.js"
import type { Limit, AdaptiveLimit, Options, Service } from "./service.js"

/**
 * What {@link Options}, and those of `adaptive`, are when they are left out; `maxQueued` is twice the limit.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = {
  maxWait: "60 seconds",
  maxOrigins: 1000,
  min: 1,
  max: 200,
  initial: 20,
  backoffRatio: 0.7
} as const

type Exchange<E, R> = Effect.Effect<HttpClientResponse, E, R>

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

interface Rules {
  /** Whether the limit moves: only then somebody wants to know how exchanges end. */
  readonly moves: boolean
  /** Whether it wants to know how long they took. */
  readonly isTimed: boolean
  readonly queue: number | undefined
  /** The longest wait, in milliseconds. */
  readonly longest: number
}

/** A request that wants to be sent, and by which way. */
interface Passage<E, R> {
  readonly rules: Rules
  readonly bulkhead: Bulkhead
  readonly fiber: Running
  readonly restore: Restore
  readonly exchange: Exchange<E, R>
}

/** The longest wait that a timer of the platform can hold. */
const longestTimer = 2 ** 31 - 1

/** Of the time that the call has left: who gets a permit in its last moments can do nothing with it. */
const share = 0.95

const isOverload = (status: number): boolean => status === 429 || isOutage(status)

/** Of an error with a status that asks for a wait: a 403 is one where it is a rate limit. */
const isOverloadError = (status: number): boolean => status === 403 || isOverload(status)

const ofResponse = (response: HttpClientResponse): Verdict =>
  isOverload(response.status) || (response.status === 403 && isLimit(response)) ? "broken" : "answered"

const ofCause = (cause: Cause.Cause<unknown>): Verdict => {
  const failure = Cause.failureOption(cause)
  return Option.isNone(failure) ? undefined : verdictOf(failure.value, isOverloadError)
}

const overloaded = ({ limit, origin, queued }: Bulkhead): Overloaded => new Overloaded({ origin, limit, queued })

/** Sends with a permit, and gives it back whatever comes. */
const send = <E, R>({ bulkhead, exchange, fiber, restore, rules }: Passage<E, R>, permit: Permit): Exchange<E, R> => {
  if (rules.isTimed) permit.since = monotonicOf(fiber)
  const release = (verdict: Verdict): void => {
    if (verdict !== undefined) {
      bulkhead.heard(permit, verdict === "broken", rules.isTimed ? monotonicOf(fiber) - permit.since : 0)
    }
    bulkhead.release(permit)
  }
  return Effect.matchCauseEffect(restore(exchange), {
    onFailure: (cause) => {
      release(rules.moves ? ofCause(cause) : undefined)
      return Effect.failCause(cause)
    },
    onSuccess: (response) => {
      release(rules.moves ? ofResponse(response) : undefined)
      return Effect.succeed(response)
    }
  })
}

/** Waits for a turn, for so many milliseconds. It is the waiter who knows what came of it: both may happen at once. */
const wait = <E, R>(passage: Passage<E, R>, ms: number): Exchange<E | Overloaded, R> => {
  const { bulkhead, exchange, fiber, restore } = passage
  const ahead = bulkhead.queued
  const since = monotonicOf(fiber)
  const waiter = bulkhead.join(fiber)
  const turn = Effect.zipRight(
    Timeline.emit(() => ({ _tag: "Queued", ahead })),
    // Where the caller cannot be interrupted, the end of the time has to end the wait all the same.
    Effect.timeoutOption(Effect.interruptible(bulkhead.turnOf(waiter)), Duration.millis(ms))
  )
  const leave = () => {
    bulkhead.leave(waiter)
  }
  return Effect.matchCauseEffect(restore(turn), {
    onFailure: (cause) => {
      leave()
      return Effect.failCause(cause)
    },
    onSuccess: (): Exchange<E | Overloaded, R> => {
      if (waiter.admitted) {
        return send({ ...passage, exchange: Effect.zipRight(admitted(since), exchange) }, waiter.permit)
      }
      leave()
      return Effect.fail(overloaded(bulkhead))
    }
  })
}

/** Where there is no permit: some need none, some may wait. */
const queue = <E, R>(passage: Passage<E, R>): Exchange<E | Overloaded, R> => {
  const { bulkhead, exchange, fiber, restore, rules } = passage
  if (bulkhead.holds(fiber)) return restore(exchange)
  if (bulkhead.queued >= (rules.queue ?? 2 * bulkhead.limit)) return Effect.fail(overloaded(bulkhead))
  const ms = Math.min(rules.longest, (callOf(fiber).deadline - monotonicOf(fiber)) * share, longestTimer)
  return ms <= 0 ? Effect.fail(overloaded(bulkhead)) : wait(passage, ms)
}

const fixed = (limit: number): AdaptiveLimit => ({ limit: Math.max(1, Math.floor(limit)), onResult: () => {} })

/** Idle, idle with something learnt, in use. */
const worth =
  ({ moves }: Rules) =>
  ({ queued, inFlight }: Bulkhead): number =>
    inFlight + queued > 0 ? 2 : moves ? 1 : 0

/** The bulkheads of a client as a service. */
export const queueing = (limit: number | Limit, options: Options): Service => {
  const rules: Rules = {
    moves: typeof limit !== "number",
    isTimed: typeof limit !== "number" && limit.needsDuration,
    queue: options.maxQueued,
    longest: Duration.toMillis(options.maxWait ?? defaults.maxWait)
  }
  const start = typeof limit === "number" ? () => fixed(limit) : limit.make
  const bulkheads = new PerOrigin(
    options.maxOrigins ?? defaults.maxOrigins,
    worth(rules),
    (origin) => new Bulkhead(origin, start())
  )
  return {
    withPermit: <E, R>(request: HttpClientRequest, exchange: Exchange<E, R>) =>
      Effect.withFiberRuntime<HttpClientResponse, E | Overloaded, R>((fiber) => {
        const bulkhead = bulkheads.of(request)
        if (bulkhead === undefined) return exchange
        return Effect.uninterruptibleMask((restore) => {
          const passage = { rules, bulkhead, fiber, restore, exchange }
          const permit = bulkhead.take(fiber)
          return permit === undefined ? queue(passage) : send(passage, permit)
        })
      }),
    stats: (origin) =>
      Effect.sync(() => {
        const { limit, queued, inFlight } = bulkheads.find(origin) ?? new Bulkhead(origin, start())
        return { limit, queued, inFlight }
      })
  }
}
