import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as TestClock from "effect/TestClock"
import type { CallContext, Running } from "../../../src/internal/call/context.js"
import {
  contextOf,
  earlierDeadline,
  holding,
  holds,
  publish,
  remainingMillis
} from "../../../src/internal/call/context.js"

const request = HttpClientRequest.get("https://api.test/x")
const fiberSelf = Effect.withFiberRuntime<Running>((fiber) => Effect.succeed(fiber))
const current = Effect.map(fiberSelf, contextOf)
const root = Effect.map(fiberSelf, contextOf)

/** A context with a deadline after `ms` milliseconds, within the current one. */
const startCall = (ms = 1000) =>
  Effect.map(current, (context) => ({
    ...context,
    deadline: earlierDeadline(context, ms, "call", Duration.millis(ms), request)
  }))

/** The deadline of the current context. Infinite outside of calls. */
const deadline = Effect.map(current, (context) => context.deadline?.at ?? Number.POSITIVE_INFINITY)

describe("publish", () => {
  it.effect("ends an inner context with its effect, whatever the exit", () =>
    Effect.gen(function* () {
      const call = yield* startCall()
      expect((yield* publish(current, call)).deadline).toBe(call.deadline)
      yield* Effect.exit(publish(Effect.fail("no"), call))
      yield* Effect.exit(publish(Effect.die("no"), call))
      expect(yield* deadline).toBe(Number.POSITIVE_INFINITY)
      const within = publish(Effect.zipRight(publish(Effect.void, { ...call, isRetrying: true }), current), call)
      expect((yield* within).isRetrying).toBe(false)
    })
  )

  it.effect("restores the outer context after an interruption", () =>
    Effect.gen(function* () {
      const seenAfter = yield* Deferred.make<number>()
      const rest = Effect.flatMap(deadline, (at) => Deferred.succeed(seenAfter, at))
      const call = yield* startCall()
      const fiber = yield* Effect.fork(Effect.ensuring(publish(Effect.never, call), rest))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      expect(yield* Deferred.await(seenAfter)).toBe(Number.POSITIVE_INFINITY)
    })
  )

  it.effect("gives a child fiber the enclosing call after its own call ended", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const child = Effect.all([
        deadline,
        Effect.zipRight(Deferred.await(first), deadline),
        Effect.zipRight(Deferred.await(second), deadline)
      ])
      const outer = yield* startCall(3000)
      const inner = yield* publish(startCall(2000), outer)
      const fork = Effect.zipLeft(Effect.forkDaemon(child), Effect.yieldNow())
      const parent = Effect.gen(function* () {
        const fiber = yield* publish(fork, inner)
        yield* Deferred.succeed(first, undefined)
        yield* Effect.yieldNow()
        return fiber
      })
      const fiber = yield* publish(parent, outer)
      yield* Deferred.succeed(second, undefined)
      expect(yield* Fiber.join(fiber)).toEqual([2000, 3000, Number.POSITIVE_INFINITY])
      // Joining a fiber does not adopt its context.
      expect(yield* deadline).toBe(Number.POSITIVE_INFINITY)
    })
  )

  it.effect("ends an interrupted inner context together with its call", () =>
    Effect.gen(function* () {
      const parentContinued = yield* Deferred.make<void>()
      const child = Effect.zipRight(Deferred.await(parentContinued), deadline)
      const forked = yield* Deferred.make<Fiber.Fiber<number>>()
      const part = Effect.zipRight(
        Effect.flatMap(Effect.forkDaemon(child), (fiber) => Deferred.succeed(forked, fiber)),
        Effect.never
      )
      const outer = yield* startCall(3000)
      const fiber = yield* Effect.fork(publish(publish(part, { ...outer, isRetrying: true }), outer))
      const daemon = yield* Deferred.await(forked)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.succeed(parentContinued, undefined)
      expect(yield* Fiber.join(daemon)).toBe(Number.POSITIVE_INFINITY)
    })
  )

  it.effect("keeps contexts of sibling fibers separate", () =>
    Effect.gen(function* () {
      const [call, one, two] = [yield* startCall(3000), yield* startCall(1000), yield* startCall(2000)]
      const late = Effect.zipRight(Effect.yieldNow(), deadline)
      const within = (own: CallContext) => publish(Effect.zipRight(late, late), own)
      const seen = yield* publish(Effect.all([within(one), late, within(two)], { concurrency: "unbounded" }), call)
      expect(seen).toEqual([1000, 3000, 2000])
      expect(yield* deadline).toBe(Number.POSITIVE_INFINITY)
    })
  )

  it.live("ends for effects that a runtime of the call runs later", () =>
    Effect.gen(function* () {
      const call = yield* startCall(60_000)
      const runtime = yield* publish(Effect.runtime<never>(), call)
      const seen = yield* Effect.promise(() => Runtime.runPromise(runtime)(deadline))
      expect(seen).toBe(Number.POSITIVE_INFINITY)
      const during = publish(
        Effect.flatMap(Effect.runtime<never>(), (own) => Effect.promise(() => Runtime.runPromise(own)(deadline))),
        call
      )
      expect(yield* during).toBe(call.deadline?.at)
    })
  )

  it.effect("gives each fiber a context with that fiber", () =>
    Effect.gen(function* () {
      const call = yield* startCall()
      const child = Effect.all([fiberSelf, current])
      const [fiber, seen] = yield* publish(Effect.flatMap(Effect.fork(child), Fiber.join), call)
      expect(seen.fiber).toBe(fiber)
      expect(seen.fiber).not.toBe(call.fiber)
    })
  )
})

describe("earlierDeadline", () => {
  it.effect("keeps an earlier deadline, and makes none for an infinite time", () =>
    Effect.gen(function* () {
      const outer = yield* root
      const call = yield* startCall(1000)
      const after = (ms: number, context: CallContext) =>
        earlierDeadline(context, ms, "exchange", Duration.seconds(1), request)
      expect(after(2000, call)).toBe(call.deadline)
      expect(after(1000, call)).toBe(call.deadline)
      expect(after(Number.POSITIVE_INFINITY, outer)).toBe(undefined)
      expect(after(500, call)).toMatchObject({ at: 500, scope: "exchange" })
    })
  )

  it.effect("keeps the time of the wall clock beside the deadline, and counts by the monotonic clock", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_000)
      const call = yield* startCall(1000)
      expect(call.deadline).toMatchObject({ epochMillis: 11_000 })
      const before = remainingMillis(call)
      yield* TestClock.adjust(400)
      expect([before, remainingMillis(call)]).toEqual([1000, 600])
    })
  )
})

describe("holds", () => {
  it.effect("finds what the request or an enclosing one holds, and nothing that another one holds", () =>
    Effect.gen(function* () {
      const [permit, probe, other] = [{}, {}, {}]
      const outer = holding(yield* root, permit)
      const inner = holding(outer, probe)
      expect([holds(inner, permit), holds(inner, probe), holds(outer, probe), holds(inner, other)]).toEqual([
        true,
        true,
        false,
        false
      ])
    })
  )
})
