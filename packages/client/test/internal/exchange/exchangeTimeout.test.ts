/** An exchange as one step, over transports that do as they should and over some that do not. Under the live clock. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Entry } from "../../../src/internal/call/deadlineQueue.js"
import { Deadlines } from "../../../src/internal/call/deadlineQueue.js"
import type { Direct } from "../../../src/internal/exchange/callbackTransport.js"
import { directly } from "../../../src/internal/exchange/exchangeTimeout.js"
import { bufferedBody } from "../../../src/internal/response/bufferedBody.js"

const request = HttpClientRequest.get("https://api.test/x")

type Outcome = Parameters<Parameters<Direct<string>>[1]>[0]

const streamed = (status = 404): HttpClientResponse.HttpClientResponse =>
  HttpClientResponse.fromWeb(request, new Response("text", { status }))
const whole = (): HttpClientResponse.HttpClientResponse =>
  Object.assign(streamed(200), { [bufferedBody]: new Uint8Array(1) })

/** Deadlines that tell who is in them. */
class Watched extends Deadlines {
  readonly held = new Set<Entry>()
  override add(entry: Entry): void {
    this.held.add(entry)
    super.add(entry)
  }
  override remove(entry: Entry): void {
    this.held.delete(entry)
    super.remove(entry)
  }
}

/** An exchange over a transport that is told what to do: when it is asked, and when it is cancelled. */
const scripted = (
  options: {
    readonly ms?: number
    readonly asked?: (answered: (outcome: Outcome) => void) => void
    readonly cancel?: (answered: (outcome: Outcome) => void) => void
    readonly takesAnEffect?: boolean
  } = {}
) => {
  const deadlines = new Watched(options.ms ?? 5000)
  const seen = { cancelled: 0, sent: 0, stepwise: 0 }
  let answer: (outcome: Outcome) => void = () => undefined
  const send: Direct<string> = (_, answered) => {
    seen.sent++
    answer = answered
    options.asked?.(answered)
    if (options.takesAnEffect === true) return undefined
    return () => {
      seen.cancelled++
      options.cancel?.(answered)
    }
  }
  const stepwise = Effect.sync(() => (seen.stepwise++, streamed(200)))
  const exchange = directly<string, never>(
    deadlines,
    send,
    request,
    () => "late",
    () => stepwise
  )
  return { answered: (outcome: Outcome) => answer(outcome), deadlines, exchange, seen }
}

const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

/** What happens in one turn of the event loop, on behalf of an exchange that is under way. */
const under = <A, E>(exchange: Effect.Effect<A, E>, act: (fiber: Fiber.RuntimeFiber<A, E>) => void) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(exchange)
    yield* turn
    yield* Effect.sync(() => act(fiber))
    return yield* Fiber.await(fiber)
  })

describe("an answer", () => {
  it.live("is the outcome, whether it is whole, follows, or is a failure, and its deadline goes with it", () =>
    Effect.gen(function* () {
      const response = whole()
      for (const [outcome, expected] of [
        [Exit.succeed(response), Exit.succeed(response)],
        [Exit.fail("broken"), Exit.fail("broken")],
        [Effect.delay(Effect.succeed(response), 1), Exit.succeed(response)],
        [Effect.delay(Effect.fail("broken off"), 1), Exit.fail("broken off")]
      ] as const) {
        const now = scripted({ asked: (answered) => answered(outcome) })
        expect(yield* Effect.exit(now.exchange)).toEqual(expected)
        const later = scripted()
        expect(yield* under(later.exchange, () => later.answered(outcome))).toEqual(expected)
        for (const { deadlines, seen } of [now, later]) {
          expect([deadlines.held.size, seen]).toEqual([0, { cancelled: 0, sent: 1, stepwise: 0 }])
        }
      }
    })
  )

  it.live("of two that a transport gives, the first counts", () =>
    Effect.gen(function* () {
      const response = whole()
      const twice = (answered: (outcome: Outcome) => void) => {
        answered(Exit.succeed(response))
        answered(Exit.fail("again"))
        answered(Effect.fail("and again"))
      }
      const later = scripted()
      expect(yield* scripted({ asked: twice }).exchange).toBe(response)
      expect(yield* under(later.exchange, () => twice(later.answered))).toEqual(Exit.succeed(response))
    })
  )

  it.live("that comes after the time is over, or after an interruption, is not heard", () =>
    Effect.gen(function* () {
      const late = scripted({ ms: 10 })
      const fiber = yield* Effect.fork(Effect.exit(late.exchange))
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail("late"))
      const interrupted = scripted()
      yield* under(interrupted.exchange, (running) => running.unsafeInterruptAsFork(FiberId.none))
      for (const { answered, deadlines, seen } of [late, interrupted]) {
        answered(Exit.succeed(whole()))
        answered(Effect.die("nobody runs this"))
        expect([deadlines.held.size, seen.cancelled]).toEqual([0, 1])
      }
    })
  )
})

describe("an interruption", () => {
  it.live("in the turn of an answer whose body follows closes its connection: nobody will read it", () =>
    Effect.gen(function* () {
      for (const outcome of [Exit.succeed(streamed()), Effect.succeed(streamed()).pipe(Effect.delay(0))]) {
        const { answered, deadlines, exchange, seen } = scripted()
        const exit = yield* under(exchange, (fiber) => {
          answered(outcome)
          fiber.unsafeInterruptAsFork(FiberId.none)
        })
        expect([Exit.isInterrupted(exit), seen.cancelled, deadlines.held.size]).toEqual([true, 1, 0])
      }
    })
  )

  it.live("in the turn of an answer that is over has nothing to cancel, and is one all the same", () =>
    Effect.gen(function* () {
      for (const outcome of [Exit.succeed(whole()), Exit.fail("broken")]) {
        const { answered, exchange, seen } = scripted()
        const exit = yield* under(exchange, (fiber) => {
          answered(outcome)
          fiber.unsafeInterruptAsFork(FiberId.none)
        })
        expect([Exit.isInterrupted(exit), seen.cancelled]).toEqual([true, 0])
      }
    })
  )

  it.live("before the answer cancels once, in the turn before the answer too", () =>
    Effect.gen(function* () {
      for (const also of [() => undefined, (answered: (outcome: Outcome) => void) => answered(Exit.fail("aborted"))]) {
        const { answered, deadlines, exchange, seen } = scripted({ cancel: also })
        const exit = yield* under(exchange, (fiber) => {
          fiber.unsafeInterruptAsFork(FiberId.none)
          also(answered)
        })
        expect([Exit.isInterrupted(exit), deadlines.held.size]).toEqual([true, 0])
        expect(seen.cancelled).toBeLessThanOrEqual(1)
      }
    })
  )

  it.live("while a body is read ends the reading and cancels", () =>
    Effect.gen(function* () {
      let ended = 0
      const { answered, exchange, seen } = scripted()
      const fiber = yield* Effect.fork(exchange)
      yield* turn
      answered(Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended++)))
      yield* turn
      yield* Fiber.interrupt(fiber)
      expect([ended, seen.cancelled]).toEqual([1, 1])
    })
  )

  it.live("of a caller that cannot be interrupted waits for the answer, which counts", () =>
    Effect.gen(function* () {
      const response = whole()
      const { answered, exchange, seen } = scripted()
      let got: unknown
      const holding = Effect.uninterruptible(Effect.map(exchange, (answer) => (got = answer)))
      yield* under(holding, (fiber) => {
        fiber.unsafeInterruptAsFork(FiberId.none)
        answered(Exit.succeed(response))
      })
      expect([got === response, seen.cancelled]).toEqual([true, 0])
    })
  )
})

describe("the end of the time", () => {
  it.live("is the outcome although the transport tells of its own cancelling", () =>
    Effect.gen(function* () {
      const { exchange, seen } = scripted({ ms: 10, cancel: (answered) => answered(Exit.fail("aborted")) })
      expect(yield* Effect.exit(exchange)).toEqual(Exit.fail("late"))
      expect(seen.cancelled).toBe(1)
    })
  )

  it.live("in the turn of an interruption cancels all the same: nobody will see that it was late", () =>
    Effect.gen(function* () {
      const { deadlines, exchange, seen } = scripted()
      const exit = yield* under(exchange, (fiber) => {
        for (const entry of deadlines.held) {
          deadlines.remove(entry)
          entry.strike()
        }
        fiber.unsafeInterruptAsFork(FiberId.none)
      })
      expect([Exit.isInterrupted(exit), seen.cancelled]).toEqual([true, 1])
    })
  )

  it.live(
    "in a body ends it, in what the header has left of the time, and where the caller cannot be interrupted",
    () =>
      Effect.gen(function* () {
        for (const around of [Effect.uninterruptible, <A, E>(effect: Effect.Effect<A, E>) => effect]) {
          let ended = 0
          const body = Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended++))
          const { exchange } = scripted({ ms: 1500, asked: (answered) => void setTimeout(() => answered(body), 500) })
          const from = performance.now()
          expect(yield* Effect.exit(around(exchange))).toEqual(Exit.fail("late"))
          // With a time of its own the body would have until 2000.
          expect(performance.now() - from).toBeLessThan(1990)
          expect(ended).toBe(1)
        }
      })
  )
})

describe("a transport that throws", () => {
  const boom = () => {
    throw new Error("boom")
  }

  it.live("when it is asked is a defect of that exchange, and leaves no deadline", () =>
    Effect.gen(function* () {
      const { deadlines, exchange } = scripted({ asked: boom })
      const exit = yield* Effect.exit(exchange)
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      expect(deadlines.held.size).toBe(0)
    })
  )

  it.live("when it is cancelled because the time is over is a defect of that exchange, and of no other", () =>
    Effect.gen(function* () {
      const uncaught: Array<unknown> = []
      const note = (error: unknown) => void uncaught.push(error)
      const listeners = process.rawListeners("uncaughtException")
      process.removeAllListeners("uncaughtException").on("uncaughtException", note)
      const { deadlines, exchange } = scripted({ ms: 20, cancel: boom })
      const exits = yield* Effect.all([Effect.exit(exchange), Effect.exit(exchange)], {
        concurrency: "unbounded"
      }).pipe(
        Effect.timeout("1 minute"),
        Effect.ensuring(
          Effect.sync(() => {
            process.removeListener("uncaughtException", note)
            // As they were: these are the listeners that were just taken off.
            for (const one of listeners) process.on("uncaughtException", one as (error: Error) => void)
          })
        )
      )
      expect(exits.map((exit) => Exit.isFailure(exit) && Cause.isDie(exit.cause))).toEqual([true, true])
      expect([uncaught, deadlines.held.size]).toEqual([[], 0])
    })
  )

  it.live("when it is cancelled by an interruption leaves no deadline, and ends the fiber", () =>
    Effect.gen(function* () {
      const { deadlines, exchange } = scripted({ cancel: boom })
      const exit = yield* under(exchange, (fiber) => fiber.unsafeInterruptAsFork(FiberId.none))
      expect([Exit.isFailure(exit) && Cause.isInterrupted(exit.cause), deadlines.held.size]).toEqual([true, 0])
    })
  )
})

describe("a request that takes an effect to send", () => {
  it.live("is sent with one, leaves no deadline here, and is not cancelled", () =>
    Effect.gen(function* () {
      const { deadlines, exchange, seen } = scripted({ takesAnEffect: true })
      expect((yield* exchange).status).toBe(200)
      expect([deadlines.held.size, seen]).toEqual([0, { cancelled: 0, sent: 1, stepwise: 1 }])
    })
  )
})

describe("one effect", () => {
  it.live("is a new exchange each time that it is run, one after the other and at once, each with its own end", () =>
    Effect.gen(function* () {
      const ends: Array<(outcome: Outcome) => void> = []
      const { deadlines, exchange, seen } = scripted({ asked: (answered) => void ends.push(answered) })
      const fibers = yield* Effect.all([Effect.fork(exchange), Effect.fork(exchange), Effect.fork(exchange)])
      yield* turn
      expect(deadlines.held.size).toBe(3)
      ends[1]?.(Exit.fail("second"))
      yield* Fiber.interrupt(fibers[0])
      expect([deadlines.held.size, seen.cancelled]).toEqual([1, 1])
      ends[2]?.(Exit.fail("third"))
      const [first, second, third] = yield* Effect.all([
        Fiber.await(fibers[0]),
        Fiber.await(fibers[1]),
        Fiber.await(fibers[2])
      ])
      expect([second, third]).toEqual([Exit.fail("second"), Exit.fail("third")])
      expect([Exit.isInterrupted(first), deadlines.held.size]).toEqual([true, 0])
    })
  )
})
