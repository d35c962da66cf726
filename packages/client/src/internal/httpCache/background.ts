/** Validations that run while callers use the stale response (RFC 5861 §3). */
import * as Effect from "effect/Effect"
import { boundBy } from "../call/externalCode.js"
import type { CallContext } from "../call/context.js"
import { inFiber } from "../call/context.js"
import { unsafeMonotonicNow } from "../time/clock.js"

/** Longest time of one validation, in milliseconds. It belongs to no call that could bound it. */
const maxMs = 30_000

/** Validations at a time. Others are left to the next caller. */
const maxRunning = 4

/** The context of a request that belongs to no caller. */
const detached = (context: CallContext): CallContext => ({
  ...context,
  deadline: undefined,
  enforced: undefined,
  isRetrying: false,
  attempt: 1,
  requests: undefined,
  held: undefined,
  span: undefined
})

export class Background {
  readonly #running = new Set<string>()

  /** Runs a validation in a fiber of its own, at most one for each id. */
  start<R>(
    id: string,
    context: CallContext,
    validate: (context: CallContext) => Effect.Effect<unknown, unknown, R>
  ): Effect.Effect<void, never, R> {
    return Effect.suspend(() => {
      if (this.#running.has(id) || this.#running.size >= maxRunning) return Effect.void
      this.#running.add(id)
      const bounded = Effect.withFiberRuntime<unknown, unknown, R>((fiber) =>
        boundBy(validate(inFiber(detached(context), fiber)), unsafeMonotonicNow(fiber) + maxMs, Effect.void)
      )
      const ended = Effect.sync(() => this.#running.delete(id))
      // The caller has its response: a failure only means that the next caller validates again.
      return Effect.asVoid(Effect.forkDaemon(Effect.ensuring(Effect.exit(bounded), ended)))
    })
  }
}
