/** Validations that run while callers use the stale response (RFC 5861 §3). */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as WaitUntil from "../../WaitUntil.js"
import { boundBy } from "../call/externalCode.js"
import type { CallContext } from "../call/context.js"
import { rootContext } from "../call/context.js"
import { unsafeMonotonicNow } from "../time/clock.js"

/** Longest time of one validation, in milliseconds. It belongs to no call that could bound it. */
const maxMs = 30_000

/** Validations at a time. Others are left to the next caller. */
const maxRunning = 4

/** The caller has its response: a failure only means that the next caller validates again. */
const bounded = <R>(
  validate: (context: CallContext) => Effect.Effect<unknown, unknown, R>
): Effect.Effect<unknown, never, R> =>
  Effect.withFiberRuntime((fiber) =>
    Effect.exit(
      Effect.interruptible(boundBy(validate(rootContext(fiber)), unsafeMonotonicNow(fiber) + maxMs, Effect.void))
    )
  )

export class Background {
  readonly #running = new Set<string>()
  readonly #scopes = new WeakMap<Scope.Scope, { isOpen: boolean }>()

  /**
   * Runs a validation in a fiber of its own, at most one for each id. It is interrupted when the scope closes.
   *
   * @param scope - the scope of the client. Undefined if the client has none: then only the time is bounded.
   * @returns false if the scope has closed: the caller has to validate.
   */
  start<R>(
    id: string,
    scope: Scope.Scope | undefined,
    validate: (context: CallContext) => Effect.Effect<unknown, unknown, R>
  ): Effect.Effect<boolean, never, R> {
    return Effect.uninterruptible(
      Effect.flatMap(scope === undefined ? Effect.succeed(true) : this.#isOpen(scope), (isOpen) => {
        if (!isOpen || this.#running.has(id) || this.#running.size >= maxRunning) return Effect.succeed(isOpen)
        this.#running.add(id)
        const validation = Effect.ensuring(
          bounded(validate),
          Effect.sync(() => this.#running.delete(id))
        )
        const forked = scope === undefined ? Effect.forkDaemon(validation) : Effect.forkIn(validation, scope)
        return Effect.zipWith(WaitUntil.WaitUntil, forked, (waitUntil, fiber) => {
          WaitUntil.registerFiber(waitUntil, fiber)
          return true
        })
      })
    )
  }

  /** A finalizer records that the scope has closed. It is added once, and a closed scope runs it immediately. */
  #isOpen(scope: Scope.Scope): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const known = this.#scopes.get(scope)
      if (known !== undefined) return Effect.succeed(known.isOpen)
      const state = { isOpen: true }
      this.#scopes.set(scope, state)
      const close = Effect.sync(() => void (state.isOpen = false))
      return Effect.map(Scope.addFinalizer(scope, close), () => state.isOpen)
    })
  }
}
