/** Runs effects of a client as Promises, and builds the Layer of the client for the first of them. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"

/** Runs effects that require the service `R`. */
export interface PromiseRunner<R> {
  /**
   * Runs an effect. The Promise is rejected with its error or defect, and with the reason of the signal after an abort. All
   * effects share the service.
   */
  readonly run: <A, E>(effect: Effect.Effect<A, E, R>, signal?: AbortSignal) => Promise<A>
  /** Makes a scope that `close` closes too. */
  readonly makeScope: () => Scope.CloseableScope
  /** Interrupts all effects, closes all scopes, and releases the service. */
  readonly close: () => Promise<void>
}

/** What a Promise is rejected with: the error or the defect itself. */
const rejectionOf = (cause: Cause.Cause<unknown>, interruption: () => unknown): unknown =>
  Cause.isInterruptedOnly(cause) ? interruption() : Cause.squash(cause)

/** The Promise of a fiber. An abort of the signal interrupts it. */
const promiseOf = <A>(
  fiber: Fiber.RuntimeFiber<A, unknown>,
  signal: AbortSignal | undefined,
  interruption: () => unknown
): Promise<A> =>
  new Promise((resolve, reject) => {
    const abort = () => fiber.unsafeInterruptAsFork(fiber.id())
    signal?.addEventListener("abort", abort, { once: true })
    fiber.addObserver((exit) => {
      signal?.removeEventListener("abort", abort)
      if (Exit.isSuccess(exit)) resolve(exit.value)
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason of a signal may be any value
      else reject(rejectionOf(exit.cause, interruption))
    })
  })

/** Builds a Layer once for all effects. If that fails, it fails for the effects that wait for it, and is tried again. */
const makeProvider = <R, E1>(layer: Layer.Layer<R, E1>) => {
  let runtime: ManagedRuntime.ManagedRuntime<R, E1> | undefined
  const dispose = Effect.suspend(() => runtime?.disposeEffect ?? Effect.void)
  const provide = <A, E>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | E1> =>
    Effect.suspend(() => {
      const current = (runtime ??= ManagedRuntime.make(layer))
      return Effect.matchCauseEffect(current.runtimeEffect, {
        onFailure: (cause) => {
          if (runtime === current) runtime = undefined
          // What was built before the failure is released.
          return Effect.zipRight(current.disposeEffect, Effect.failCause(cause))
        },
        onSuccess: (built) => Effect.provide(effect, built)
      })
    })
  return { dispose, provide }
}

/**
 * Makes a runner. Nothing is built until the first effect runs.
 *
 * @param layer - makes the service of the effects.
 * @param makeClosedError - makes the error of an effect that `close` interrupts, or that runs later.
 */
export const makePromiseRunner = <R, E1>(
  layer: Layer.Layer<R, E1>,
  makeClosedError: () => unknown
): PromiseRunner<R> => {
  const provider = makeProvider(layer)
  const scope = Effect.runSync(Scope.make())
  const running = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  let closing: Promise<void> | undefined
  let isClosed = false

  const run = async <A, E>(effect: Effect.Effect<A, E, R>, signal?: AbortSignal): Promise<A> => {
    if (signal?.aborted === true) throw signal.reason
    if (isClosed) throw makeClosedError()
    const fiber = Effect.runFork(provider.provide(effect))
    running.add(fiber)
    fiber.addObserver(() => running.delete(fiber))
    return promiseOf(fiber, signal, () => {
      if (signal?.aborted === true) return signal.reason
      return isClosed ? makeClosedError() : new Error("The call was interrupted.")
    })
  }

  const close = (): Promise<void> => {
    isClosed = true
    return (closing ??= promiseOf(
      Effect.runFork(
        Fiber.interruptAll(running).pipe(
          Effect.zipRight(Scope.close(scope, Exit.void)),
          Effect.zipRight(provider.dispose)
        )
      ),
      undefined,
      makeClosedError
    ))
  }
  return { run, makeScope: () => Effect.runSync(Scope.fork(scope, ExecutionStrategy.sequential)), close }
}
