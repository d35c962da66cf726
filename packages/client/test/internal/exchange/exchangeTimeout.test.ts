/** Exchanges with a callback send, over correct and faulty transports, under the live clock. */
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

const streamingResponse = (status = 404): HttpClientResponse.HttpClientResponse =>
  HttpClientResponse.fromWeb(request, new Response("text", { status }))
const bufferedResponse = (): HttpClientResponse.HttpClientResponse =>
  Object.assign(streamingResponse(200), { [bufferedBody]: new Uint8Array(1) })

/** Deadlines that record their entries. */
class RecordingDeadlines extends Deadlines {
  readonly entries = new Set<Entry>()
  override add(entry: Entry): void {
    this.entries.add(entry)
    super.add(entry)
  }
  override remove(entry: Entry): void {
    this.entries.delete(entry)
    super.remove(entry)
  }
}

/** An exchange over a controllable transport, with hooks for its send and its cancellation. */
const makeExchange = (
  options: {
    readonly ms?: number
    readonly asked?: (answered: (outcome: Outcome) => void) => void
    readonly cancel?: (answered: (outcome: Outcome) => void) => void
    readonly takesAnEffect?: boolean
  } = {}
) => {
  const deadlines = new RecordingDeadlines(options.ms ?? 5000)
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
  const stepwise = Effect.sync(() => (seen.stepwise++, streamingResponse(200)))
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

/** Runs `act` in one turn of the event loop while an exchange is in flight. */
const actDuring = <A, E>(exchange: Effect.Effect<A, E>, act: (fiber: Fiber.RuntimeFiber<A, E>) => void) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(exchange)
    yield* turn
    yield* Effect.sync(() => act(fiber))
    return yield* Fiber.await(fiber)
  })

describe("directly, response", () => {
  it.live("returns the outcome (buffered, streaming or failed) and removes its deadline", () =>
    Effect.gen(function* () {
      const response = bufferedResponse()
      for (const [outcome, expected] of [
        [Exit.succeed(response), Exit.succeed(response)],
        [Exit.fail("broken"), Exit.fail("broken")],
        [Effect.delay(Effect.succeed(response), 1), Exit.succeed(response)],
        [Effect.delay(Effect.fail("broken off"), 1), Exit.fail("broken off")]
      ] as const) {
        const now = makeExchange({ asked: (answered) => answered(outcome) })
        expect(yield* Effect.exit(now.exchange)).toEqual(expected)
        const later = makeExchange()
        expect(yield* actDuring(later.exchange, () => later.answered(outcome))).toEqual(expected)
        for (const { deadlines, seen } of [now, later]) {
          expect([deadlines.entries.size, seen]).toEqual([0, { cancelled: 0, sent: 1, stepwise: 0 }])
        }
      }
    })
  )

  it.live("takes the first of several outcomes of a transport", () =>
    Effect.gen(function* () {
      const response = bufferedResponse()
      const twice = (answered: (outcome: Outcome) => void) => {
        answered(Exit.succeed(response))
        answered(Exit.fail("again"))
        answered(Effect.fail("and again"))
      }
      const later = makeExchange()
      expect(yield* makeExchange({ asked: twice }).exchange).toBe(response)
      expect(yield* actDuring(later.exchange, () => twice(later.answered))).toEqual(Exit.succeed(response))
    })
  )

  it.live("ignores an outcome after the timeout or an interruption", () =>
    Effect.gen(function* () {
      const late = makeExchange({ ms: 10 })
      const fiber = yield* Effect.fork(Effect.exit(late.exchange))
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail("late"))
      const interrupted = makeExchange()
      yield* actDuring(interrupted.exchange, (running) => running.unsafeInterruptAsFork(FiberId.none))
      for (const { answered, deadlines, seen } of [late, interrupted]) {
        answered(Exit.succeed(bufferedResponse()))
        answered(Effect.die("never runs"))
        expect([deadlines.entries.size, seen.cancelled]).toEqual([0, 1])
      }
    })
  )
})

describe("directly, interruption", () => {
  it.live("closes the connection of a streaming response in the same turn", () =>
    Effect.gen(function* () {
      for (const outcome of [
        Exit.succeed(streamingResponse()),
        Effect.succeed(streamingResponse()).pipe(Effect.delay(0))
      ]) {
        const { answered, deadlines, exchange, seen } = makeExchange()
        const exit = yield* actDuring(exchange, (fiber) => {
          answered(outcome)
          fiber.unsafeInterruptAsFork(FiberId.none)
        })
        expect([Exit.isInterrupted(exit), seen.cancelled, deadlines.entries.size]).toEqual([true, 1, 0])
      }
    })
  )

  it.live("cancels nothing when the response is complete in the same turn", () =>
    Effect.gen(function* () {
      for (const outcome of [Exit.succeed(bufferedResponse()), Exit.fail("broken")]) {
        const { answered, exchange, seen } = makeExchange()
        const exit = yield* actDuring(exchange, (fiber) => {
          answered(outcome)
          fiber.unsafeInterruptAsFork(FiberId.none)
        })
        expect([Exit.isInterrupted(exit), seen.cancelled]).toEqual([true, 0])
      }
    })
  )

  it.live("cancels once before the response, even if one arrives in the same turn", () =>
    Effect.gen(function* () {
      for (const also of [() => undefined, (answered: (outcome: Outcome) => void) => answered(Exit.fail("aborted"))]) {
        const { answered, deadlines, exchange, seen } = makeExchange({ cancel: also })
        const exit = yield* actDuring(exchange, (fiber) => {
          fiber.unsafeInterruptAsFork(FiberId.none)
          also(answered)
        })
        expect([Exit.isInterrupted(exit), deadlines.entries.size]).toEqual([true, 0])
        expect(seen.cancelled).toBeLessThanOrEqual(1)
      }
    })
  )

  it.live("interrupts reading a body and cancels", () =>
    Effect.gen(function* () {
      let ended = 0
      const { answered, exchange, seen } = makeExchange()
      const fiber = yield* Effect.fork(exchange)
      yield* turn
      answered(Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended++)))
      yield* turn
      yield* Fiber.interrupt(fiber)
      expect([ended, seen.cancelled]).toEqual([1, 1])
    })
  )

  it.live("waits for the response in an uninterruptible caller", () =>
    Effect.gen(function* () {
      const response = bufferedResponse()
      const { answered, exchange, seen } = makeExchange()
      let got: unknown
      const holding = Effect.uninterruptible(Effect.map(exchange, (answer) => (got = answer)))
      yield* actDuring(holding, (fiber) => {
        fiber.unsafeInterruptAsFork(FiberId.none)
        answered(Exit.succeed(response))
      })
      expect([got === response, seen.cancelled]).toEqual([true, 0])
    })
  )
})

describe("directly, timeout", () => {
  it.live("fails with the timeout when the transport reports its own cancellation", () =>
    Effect.gen(function* () {
      const { exchange, seen } = makeExchange({ ms: 10, cancel: (answered) => answered(Exit.fail("aborted")) })
      expect(yield* Effect.exit(exchange)).toEqual(Exit.fail("late"))
      expect(seen.cancelled).toBe(1)
    })
  )

  it.live("cancels in the same turn as an interruption", () =>
    Effect.gen(function* () {
      const { deadlines, exchange, seen } = makeExchange()
      const exit = yield* actDuring(exchange, (fiber) => {
        for (const entry of deadlines.entries) {
          deadlines.remove(entry)
          entry.strike()
        }
        fiber.unsafeInterruptAsFork(FiberId.none)
      })
      expect([Exit.isInterrupted(exit), seen.cancelled]).toEqual([true, 1])
    })
  )

  it.live("ends a body after the time left from the start, also in an uninterruptible caller", () =>
    Effect.gen(function* () {
      for (const around of [Effect.uninterruptible, <A, E>(effect: Effect.Effect<A, E>) => effect]) {
        let ended = 0
        const body = Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended++))
        const { exchange } = makeExchange({ ms: 1500, asked: (answered) => void setTimeout(() => answered(body), 500) })
        const from = performance.now()
        expect(yield* Effect.exit(around(exchange))).toEqual(Exit.fail("late"))
        // With a new time for the body, it would end at 2000.
        expect(performance.now() - from).toBeLessThan(1990)
        expect(ended).toBe(1)
      }
    })
  )
})

describe("directly, throwing transport", () => {
  const boom = () => {
    throw new Error("boom")
  }

  it.live("reports an exception of send as a defect and removes the deadline", () =>
    Effect.gen(function* () {
      const { deadlines, exchange } = makeExchange({ asked: boom })
      const exit = yield* Effect.exit(exchange)
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      expect(deadlines.entries.size).toBe(0)
    })
  )

  it.live("reports an exception of cancel at the timeout as a defect of that exchange only", () =>
    Effect.gen(function* () {
      const uncaught: Array<unknown> = []
      const record = (error: unknown) => void uncaught.push(error)
      const listeners = process.rawListeners("uncaughtException")
      process.removeAllListeners("uncaughtException").on("uncaughtException", record)
      const { deadlines, exchange } = makeExchange({ ms: 20, cancel: boom })
      const exits = yield* Effect.all([Effect.exit(exchange), Effect.exit(exchange)], {
        concurrency: "unbounded"
      }).pipe(
        Effect.timeout("1 minute"),
        Effect.ensuring(
          Effect.sync(() => {
            process.removeListener("uncaughtException", record)
            // The type of the stored listeners is lost, but they are the removed ones.
            for (const one of listeners) process.on("uncaughtException", one as (error: Error) => void)
          })
        )
      )
      expect(exits.map((exit) => Exit.isFailure(exit) && Cause.isDie(exit.cause))).toEqual([true, true])
      expect([uncaught, deadlines.entries.size]).toEqual([[], 0])
    })
  )

  it.live("ends the fiber and removes the deadline when cancel throws during an interruption", () =>
    Effect.gen(function* () {
      const { deadlines, exchange } = makeExchange({ cancel: boom })
      const exit = yield* actDuring(exchange, (fiber) => fiber.unsafeInterruptAsFork(FiberId.none))
      expect([Exit.isFailure(exit) && Cause.isInterrupted(exit.cause), deadlines.entries.size]).toEqual([true, 0])
    })
  )
})

describe("directly, effect send", () => {
  it.live("uses the effect send when the callback send returns undefined, without deadline and cancellation", () =>
    Effect.gen(function* () {
      const { deadlines, exchange, seen } = makeExchange({ takesAnEffect: true })
      expect((yield* exchange).status).toBe(200)
      expect([deadlines.entries.size, seen]).toEqual([0, { cancelled: 0, sent: 1, stepwise: 1 }])
    })
  )
})

describe("directly, repeated runs", () => {
  it.live("starts a new exchange per run, sequential or concurrent, each with its own outcome", () =>
    Effect.gen(function* () {
      const ends: Array<(outcome: Outcome) => void> = []
      const { deadlines, exchange, seen } = makeExchange({ asked: (answered) => void ends.push(answered) })
      const fibers = yield* Effect.all([Effect.fork(exchange), Effect.fork(exchange), Effect.fork(exchange)])
      yield* turn
      expect(deadlines.entries.size).toBe(3)
      ends[1]?.(Exit.fail("second"))
      yield* Fiber.interrupt(fibers[0])
      expect([deadlines.entries.size, seen.cancelled]).toEqual([1, 1])
      ends[2]?.(Exit.fail("third"))
      const [first, second, third] = yield* Effect.all([
        Fiber.await(fibers[0]),
        Fiber.await(fibers[1]),
        Fiber.await(fibers[2])
      ])
      expect([second, third]).toEqual([Exit.fail("second"), Exit.fail("third")])
      expect([Exit.isInterrupted(first), deadlines.entries.size]).toEqual([true, 0])
    })
  )
})
