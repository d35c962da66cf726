import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import { begin, callOf, countSend, current, locally, retried } from "../../src/internal/call.js"

const outside = Effect.runSync(current)
const call = begin(outside, 1000)
const sent = Effect.withFiberRuntime<number>((fiber) => Effect.succeed(countSend(fiber)))

describe("the call of a fiber", () => {
  it.effect("a part of it ends with what it was begun for, however that ends", () =>
    Effect.gen(function* () {
      expect(yield* locally(current, call)).toBe(call)
      yield* Effect.exit(locally(Effect.fail("no"), call))
      yield* Effect.exit(locally(Effect.die("no"), call))
      expect(yield* current).toBe(outside)
      const within = locally(Effect.zipRight(locally(Effect.void, retried(call)), current), call)
      expect(yield* within).toBe(call)
    })
  )

  it.effect("an interrupted part leaves nothing behind for the rest of the fiber", () =>
    Effect.gen(function* () {
      const left = yield* Deferred.make<unknown>()
      const rest = Effect.flatMap(current, (now) => Deferred.succeed(left, now))
      const fiber = yield* Effect.fork(Effect.ensuring(locally(Effect.never, call), rest))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      expect(yield* Deferred.await(left)).toBe(outside)
    })
  )

  it.effect("a child is in its parent's call, and stays there when the parent goes on", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const child = Effect.zipRight(Deferred.await(gate), current)
      const fiber = yield* locally(Effect.forkDaemon(child), call)
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(fiber)).toBe(call)
      // What the child was in is not handed to whoever joins it.
      expect(yield* current).toBe(outside)
    })
  )

  it.effect("what a child enters is its own, beside its parent's and its siblings'", () =>
    Effect.gen(function* () {
      const other = begin(outside, 2000)
      const both = Effect.zipRight(Effect.yieldNow(), current)
      const one = locally(Effect.zipRight(both, both), other)
      const seen = yield* locally(Effect.all([one, both, one], { concurrency: "unbounded" }), call)
      expect(seen).toEqual([other, call, other])
      expect(yield* current).toBe(outside)
    })
  )

  it.live(
    "what is run with a fiber's runtime while that one is in a call is in none, and in none of its own kind's",
    () =>
      Effect.gen(function* () {
        yield* locally(Effect.void, call)
        const runtime = yield* Effect.runtime<never>()
        const run = Runtime.runPromise(runtime)
        const one = (mine: typeof call) =>
          locally(
            Effect.gen(function* () {
              yield* Effect.yieldNow()
              return (yield* current) === mine
            }),
            mine
          )
        const own = yield* Effect.promise(() => Promise.all([run(one(begin(outside, 1))), run(one(begin(outside, 2)))]))
        expect(own).toEqual([true, true])
        const seen = yield* locally(
          // In a callback, as a server runs its handlers.
          Effect.promise(() => Promise.resolve().then(() => run(current))),
          call
        )
        expect(seen).toBe(outside)
      })
  )

  it.effect("sends are counted over all parts of a call, and not outside of one", () =>
    Effect.gen(function* () {
      const counted = locally(Effect.all([sent, locally(sent, retried(call)), sent]), call)
      expect(yield* counted).toEqual([0, 1, 2])
      expect(yield* Effect.all([sent, sent])).toEqual([0, 0])
      expect(yield* locally(Effect.all([sent, sent]), retried(callOf(yield* fiberSelf)))).toEqual([0, 1])
    })
  )
})

const fiberSelf = Effect.withFiberRuntime<Fiber.RuntimeFiber<unknown, unknown>>((fiber) => Effect.succeed(fiber))
