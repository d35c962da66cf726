/**
 * Two bounds on time: on one exchange, and on the call with all its exchanges and waits.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as Redact from "@countersign/protocol/Redact"
import { Timeout } from "./Errors.js"
import * as Policy from "./Policy.js"

const deadline: FiberRef.FiberRef<number> = globalValue("@countersign/client/Timeout/deadline", () =>
  FiberRef.unsafeMake(Number.POSITIVE_INFINITY)
)

/**
 * How much time the call has left, in milliseconds; infinite outside of {@link call}. A policy that is about to wait
 * asks this first: a wait that would end after the deadline is time lost.
 *
 * @since 0.1.0
 * @category deadlines
 */
export const timeLeft: Effect.Effect<number> = Effect.flatMap(FiberRef.get(deadline), (instant) =>
  Number.isFinite(instant)
    ? Effect.map(Clock.currentTimeMillis, (now) => instant - now)
    : Effect.succeed(Number.POSITIVE_INFINITY)
)

const bounded = (scope: Timeout["scope"], after: Duration.Duration): Policy.Policy<Timeout> =>
  Policy.make<Timeout>((request, next) =>
    Effect.timeoutFail(next(request), {
      duration: after,
      onTimeout: () => new Timeout({ method: request.method, url: Redact.url(request.url), scope, after })
    })
  )

/**
 * Bounds one exchange: the send, the answer and, where the body is read within the pipeline, the body. Waiting for a
 * token or between attempts does not count.
 *
 * Fails with `Timeout { scope: "exchange" }`; the exchange is interrupted and its connection closed.
 *
 * @since 0.1.0
 * @category policies
 */
export const exchange = (after: Duration.DurationInput): Policy.Policy<Timeout> =>
  bounded("exchange", Duration.decode(after))

/**
 * Bounds the call: every exchange, wait and refresh of it together. Policies within see the time that is left.
 *
 * Fails with `Timeout { scope: "call" }`. Within another call, the earlier deadline counts.
 *
 * @since 0.1.0
 * @category policies
 */
export const call = (after: Duration.DurationInput): Policy.Policy<Timeout> => {
  const duration = Duration.decode(after)
  const within = bounded("call", duration)
  const marked = Policy.make((request, next) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.locallyWith(next(request), deadline, (outer) => Math.min(outer, now + Duration.toMillis(duration)))
    )
  )
  return (client) => within(marked(client))
}
