/** A measured client, and the loops that call it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type { RecordableHistogram } from "node:perf_hooks"

/** The URL, and the maximum number of connections (unlimited if omitted). */
export interface Target {
  readonly url: string
  readonly connections?: number | undefined
}

/** Counts calls. Every loop stops after the call during which `running` became false. */
export class CallCounter {
  running = true
  done = 0
  failed = 0
  /** Calls that remain to be started, if their number is limited. */
  left = Number.POSITIVE_INFINITY
  latency: RecordableHistogram | undefined

  /** Whether the loop starts another call. */
  next(): boolean {
    return this.running && this.left-- > 0
  }

  /** @param begun - start of the call, by `performance.now()`. */
  end(begun: number): void {
    this.done++
    this.latency?.record(Math.max(1, Math.round((performance.now() - begun) * 1000)))
  }
}

/** Keeps `inFlight` calls in flight until the counter stops them. */
export type Load = (counter: CallCounter, inFlight: number) => Promise<void>

/** A client. A `tolerant` loop counts a failed call and continues. Other loops end with its error. */
export interface Client {
  readonly load: Load
  readonly tolerant: Load
  /** Starts `calls` independent calls at once, as handlers of a server do: each is a promise or a fiber. */
  readonly burst: (calls: number) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** Creates a client for a target. */
export type Case = (target: Target) => Promise<Client>

type Call = () => Promise<unknown>

const loop =
  (call: Call, tolerant: boolean): Load =>
  async (counter, inFlight) => {
    const one = async (): Promise<void> => {
      while (counter.next()) {
        const begun = performance.now()
        try {
          await call()
        } catch (error) {
          if (!tolerant) throw error
          counter.failed++
          continue
        }
        counter.end(begun)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
  }

/** A client with a promise of the decoded response as its call. */
export const ofPromise = (call: Call, close: () => Promise<void> = () => Promise.resolve()): Client => ({
  load: loop(call, false),
  tolerant: loop(call, true),
  burst: (calls) => Promise.all(Array.from({ length: calls }, call)),
  close
})

/** The value of a failed call in a tolerant loop. */
const failure = Symbol("failure")

const fibers =
  <R, ER, E>(
    runtime: ManagedRuntime.ManagedRuntime<R, ER>,
    call: Effect.Effect<unknown, E, R>,
    tolerant: boolean
  ): Load =>
  (counter, inFlight) => {
    const counted = tolerant ? Effect.catchAllCause(call, () => Effect.succeed(failure)) : call
    const one = Effect.suspend(() => {
      let begun = 0
      return Effect.whileLoop({
        while: () => counter.next(),
        body: () => {
          begun = performance.now()
          return counted
        },
        step: (value) => {
          if (value === failure) counter.failed++
          else counter.end(begun)
        }
      })
    })
    const all = Effect.forEach(Array.from({ length: inFlight }), () => one, { concurrency: "unbounded", discard: true })
    return runtime.runPromise(all)
  }

/** Starts `count` fibers and waits for them. Observers add no fiber or promise to the measurement. */
const all = (count: number, fork: (over: (exit: Exit.Exit<unknown, unknown>) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    let left = count
    const over = (exit: Exit.Exit<unknown, unknown>): void => {
      if (Exit.isFailure(exit)) reject(new Error("a call of a burst has failed", { cause: exit.cause }))
      else if (--left === 0) resolve()
    }
    for (let number = 0; number < count; number++) fork(over)
  })

/** A client with an effect as its call. The loops are fibers of one runtime. */
export const ofEffect =
  <R, ER, E>(
    layer: Layer.Layer<R, ER>,
    make: Effect.Effect<Effect.Effect<unknown, E, R>, ER, R>
  ): (() => Promise<Client>) =>
  async () => {
    const runtime = ManagedRuntime.make(layer)
    const call = await runtime.runPromise(make)
    return {
      load: fibers(runtime, call, false),
      tolerant: fibers(runtime, call, true),
      burst: (calls) => all(calls, (over) => runtime.runFork(call).addObserver(over)),
      close: () => runtime.dispose()
    }
  }
