import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import { begin, callOf, countSend, current, locally, retried } from "../../../src/internal/call/context.js"

const outside = Effect.runSync(current)
const startCall = () => begin(outside, 1000)
const sent = Effect.withFiberRuntime<number>((fiber) => Effect.succeed(countSend(fiber)))

describe("Call context", () => {
  it.effect("ends an inner context with its effect, whatever the exit", () =>
    Effect.gen(function* () {
      const call = startCall()
      expect(yield* locally(current, call)).toBe(call)
      yield* Effect.exit(locally(Effect.fail("no"), startCall()))
      yield* Effect.exit(locally(Effect.die("no"), startCall()))
      expect(yield* current).toBe(outside)
      const next = startCall()
      const within = locally(Effect.zipRight(locally(Effect.void, retried(next)), current), next)
      expect(yield* within).toBe(next)
    })
  )

  it.effect("restores the outer context after an interruption", () =>
    Effect.gen(function* () {
      const seenAfter = yield* Deferred.make<unknown>()
      const rest = Effect.flatMap(current, (now) => Deferred.succeed(seenAfter, now))
      const fiber = yield* Effect.fork(Effect.ensuring(locally(Effect.never, startCall()), rest))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      expect(yield* Deferred.await(seenAfter)).toBe(outside)
    })
  )

  it.effect("gives a child fiber the call of its parent until the call ends", () =>
    Effect.gen(function* () {
      const call = startCall()
      const parentContinued = yield* Deferred.make<void>()
      const child = Effect.zipRight(Deferred.await(parentContinued), current)
      const parent = Effect.gen(function* () {
        const fiber = yield* locally(Effect.forkDaemon(child), retried(call))
        yield* Deferred.succeed(parentContinued, undefined)
        return yield* Fiber.join(fiber)
      })
      const seen = yield* locally(parent, call)
      expect([seen.shared, seen.retrying]).toEqual([call.shared, true])
      // Joining a fiber does not adopt its call.
      expect(yield* current).toBe(outside)
    })
  )

  it.effect("gives a child fiber the enclosing call after its own call ended", () =>
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

  it.effect("ends an interrupted inner context together with its call", () =>
    Effect.gen(function* () {
      const parentContinued = yield* Deferred.make<void>()
      const child = Effect.zipRight(Deferred.await(parentContinued), current)
      const forked = yield* Deferred.make<Fiber.Fiber<unknown>>()
      const part = Effect.zipRight(
        Effect.flatMap(Effect.forkDaemon(child), (fiber) => Deferred.succeed(forked, fiber)),
        Effect.never
      )
      const outer = begin(outside, 3000)
      const fiber = yield* Effect.fork(locally(locally(part, retried(begin(outer, 2000))), outer))
      const daemon = yield* Deferred.await(forked)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.succeed(parentContinued, undefined)
      expect(yield* Fiber.join(daemon)).toBe(outside)
    })
  )

  it.effect("keeps contexts of sibling fibers separate", () =>
    Effect.gen(function* () {
      const [call, one, two] = [startCall(), startCall(), startCall()]
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

  it.live("returns the root context in effects run with the fiber's runtime", () =>
    Effect.gen(function* () {
      yield* locally(Effect.void, startCall())
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
        startCall()
      )
      expect(seen).toBe(outside)
    })
  )

  it.effect("counts requests of all parts of one call, and none outside", () =>
    Effect.gen(function* () {
      const call = startCall()
      const counted = locally(Effect.all([sent, locally(sent, retried(call)), sent]), call)
      expect(yield* counted).toEqual([0, 1, 2])
      expect(yield* Effect.all([sent, sent])).toEqual([0, 0])
      expect(yield* locally(Effect.all([sent, sent]), retried(callOf(yield* fiberSelf)))).toEqual([0, 1])
    })
  )
})

const fiberSelf = Effect.withFiberRuntime<Fiber.RuntimeFiber<unknown, unknown>>((fiber) => Effect.succeed(fiber))
