/** One client under measurement, and the loops that keep it busy. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type { RecordableHistogram } from "node:perf_hooks"

/** Where to, and over how many connections at most (no bound when left out). */
export interface Target {
  readonly url: string
  readonly connections?: number | undefined
}

/** What counts the calls. Every loop stops after the call during which `running` became false. */
export class CallCounter {
  running = true
  done = 0
  failed = 0
  /** Calls that are still to be begun, where their number is given. */
  left = Number.POSITIVE_INFINITY
  latency: RecordableHistogram | undefined

  /** Whether another call is to be made. */
  next(): boolean {
    return this.running && this.left-- > 0
  }

  /** @param begun - when the call began, by `performance.now()`. */
  end(begun: number): void {
    this.done++
    this.latency?.record(Math.max(1, Math.round((performance.now() - begun) * 1000)))
  }
}

/** Keeps so many calls under way until the gauge says that it is enough. */
export type Load = (gauge: CallCounter, inFlight: number) => Promise<void>

/** A client that is there. `tolerant` loops count a call that fails and go on; the others end with its error. */
export interface Client {
  readonly load: Load
  readonly tolerant: Load
  /** Makes so many calls at once, each by itself as the handlers of a server do: a promise, or a fiber. */
  readonly burst: (calls: number) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** Makes a client. */
export type Case = (target: Target) => Promise<Client>

type Call = () => Promise<unknown>

const loop =
  (call: Call, tolerant: boolean): Load =>
  async (gauge, inFlight) => {
    const one = async (): Promise<void> => {
      while (gauge.next()) {
        const begun = performance.now()
        try {
          await call()
        } catch (error) {
          if (!tolerant) throw error
          gauge.failed++
          continue
        }
        gauge.end(begun)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
  }

/** A client whose call is a promise of the decoded answer. */
export const ofPromise = (call: Call, close: () => Promise<void> = () => Promise.resolve()): Client => ({
  load: loop(call, false),
  tolerant: loop(call, true),
  burst: (calls) => Promise.all(Array.from({ length: calls }, call)),
  close
})

/** What a call that failed gives to a loop that goes on. */
const failure = Symbol("failure")

const fibers =
  <R, ER, E>(
    runtime: ManagedRuntime.ManagedRuntime<R, ER>,
    call: Effect.Effect<unknown, E, R>,
    tolerant: boolean
  ): Load =>
  (gauge, inFlight) => {
    const counted = tolerant ? Effect.catchAllCause(call, () => Effect.succeed(failure)) : call
    const one = Effect.suspend(() => {
      let begun = 0
      return Effect.whileLoop({
        while: () => gauge.next(),
        body: () => {
          begun = performance.now()
          return counted
        },
        step: (value) => {
          if (value === failure) gauge.failed++
          else gauge.end(begun)
        }
      })
    })
    const all = Effect.forEach(Array.from({ length: inFlight }), () => one, { concurrency: "unbounded", discard: true })
    return runtime.runPromise(all)
  }

/** Begins so many fibers and waits for them; a fiber or a promise to wait with would count as theirs. */
const all = (count: number, fork: (over: (exit: Exit.Exit<unknown, unknown>) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    let left = count
    const over = (exit: Exit.Exit<unknown, unknown>): void => {
      if (Exit.isFailure(exit)) reject(new Error("a call of a burst has failed", { cause: exit.cause }))
      else if (--left === 0) resolve()
    }
    for (let number = 0; number < count; number++) fork(over)
  })

/** A client whose call is an effect: the loops are fibers of one runtime. */
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
