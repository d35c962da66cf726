import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import { begin, callOf, countSend, current, locally, retried } from "../../../src/internal/call/context.js"

const outside = Effect.runSync(current)
const begun = () => begin(outside, 1000)
const sent = Effect.withFiberRuntime<number>((fiber) => Effect.succeed(countSend(fiber)))

describe("the call of a fiber", () => {
  it.effect("a part of it ends with what it was begun for, however that ends", () =>
    Effect.gen(function* () {
      const call = begun()
      expect(yield* locally(current, call)).toBe(call)
      yield* Effect.exit(locally(Effect.fail("no"), begun()))
      yield* Effect.exit(locally(Effect.die("no"), begun()))
      expect(yield* current).toBe(outside)
      const next = begun()
      const within = locally(Effect.zipRight(locally(Effect.void, retried(next)), current), next)
      expect(yield* within).toBe(next)
    })
  )

  it.effect("an interrupted part leaves nothing behind for the rest of the fiber", () =>
    Effect.gen(function* () {
      const left = yield* Deferred.make<unknown>()
      const rest = Effect.flatMap(current, (now) => Deferred.succeed(left, now))
      const fiber = yield* Effect.fork(Effect.ensuring(locally(Effect.never, begun()), rest))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      expect(yield* Deferred.await(left)).toBe(outside)
    })
  )

  it.effect("a child is in its parent's call while that lasts, whatever part of it the parent goes on to", () =>
    Effect.gen(function* () {
      const call = begun()
      const gate = yield* Deferred.make<void>()
      const child = Effect.zipRight(Deferred.await(gate), current)
      const parent = Effect.gen(function* () {
        const fiber = yield* locally(Effect.forkDaemon(child), retried(call))
        yield* Deferred.succeed(gate, undefined)
        return yield* Fiber.join(fiber)
      })
      const seen = yield* locally(parent, call)
      expect([seen.shared, seen.retrying]).toEqual([call.shared, true])
      // What the child was in is not handed to whoever joins it.
      expect(yield* current).toBe(outside)
    })
  )

  it.effect("a child that outlives the call is in what the call was begun in, be that over or not", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const child = Effect.all([
        current,
        Effect.zipRight(Deferred.await(first), current),
        Effect.zipRight(Deferred.await(second), current)
      ])
      const outer = begin(outside, 3000)
      const inner = retried(begin(outer, 2000))
      const fork = Effect.zipLeft(Effect.forkDaemon(child), Effect.yieldNow())
      const parent = Effect.gen(function* () {
        const fiber = yield* locally(fork, inner)
        yield* Deferred.succeed(first, undefined)
        yield* Effect.yieldNow()
        return fiber
      })
      const fiber = yield* locally(parent, outer)
      yield* Deferred.succeed(second, undefined)
      expect(yield* Fiber.join(fiber)).toEqual([inner, outer, outside])
    })
  )

  it.effect("a part that was interrupted is over, too, with the call that it was a part of", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const child = Effect.zipRight(Deferred.await(gate), current)
      const forked = yield* Deferred.make<Fiber.Fiber<unknown>>()
      const part = Effect.zipRight(
        Effect.flatMap(Effect.forkDaemon(child), (fiber) => Deferred.succeed(forked, fiber)),
        Effect.never
      )
      const outer = begin(outside, 3000)
      const fiber = yield* Effect.fork(locally(locally(part, retried(begin(outer, 2000))), outer))
      const daemon = yield* Deferred.await(forked)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(daemon)).toBe(outside)
    })
  )

  it.effect("what a child enters is its own, beside its parent's and its siblings'", () =>
    Effect.gen(function* () {
      const [call, one, two] = [begun(), begun(), begun()]
      const both = Effect.zipRight(Effect.yieldNow(), current)
      const within = (own: typeof one) => locally(Effect.zipRight(both, both), own)
      const all = Effect.all([within(one), both, within(two)], { concurrency: "unbounded" })
      const seen = yield* locally(all, call)
      expect(seen[0]).toBe(one)
      expect(seen[1]).toBe(call)
      expect(seen[2]).toBe(two)
      expect(yield* current).toBe(outside)
    })
  )

  it.live(
    "what is run with a fiber's runtime while that one is in a call is in none, and in none of its own kind's",
    () =>
      Effect.gen(function* () {
        yield* locally(Effect.void, begun())
        const runtime = yield* Effect.runtime<never>()
        const run = Runtime.runPromise(runtime)
        const one = (mine: typeof outside) =>
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
          begun()
        )
        expect(seen).toBe(outside)
      })
  )

  it.effect("sends are counted over all parts of a call, and not outside of one", () =>
    Effect.gen(function* () {
      const call = begun()
      const counted = locally(Effect.all([sent, locally(sent, retried(call)), sent]), call)
      expect(yield* counted).toEqual([0, 1, 2])
      expect(yield* Effect.all([sent, sent])).toEqual([0, 0])
      expect(yield* locally(Effect.all([sent, sent]), retried(callOf(yield* fiberSelf)))).toEqual([0, 1])
    })
  )
})

const fiberSelf = Effect.withFiberRuntime<Fiber.RuntimeFiber<unknown, unknown>>((fiber) => Effect.succeed(fiber))
