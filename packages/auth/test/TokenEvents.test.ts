import * as TokenEvents from "@countersign/auth/TokenEvents"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError } from "@countersign/auth/Errors"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import {
  failingStore,
  canary,
  key,
  scriptedTokens,
  scriptedError,
  makeSource,
  storeFromOtherProcess,
  times,
  token
} from "./support/tokenSource.js"

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16)

/** Runs an effect with a TokenEvents service, and returns the published events. */
const told = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const events: Array<TokenEvents.TokenEvent> = []
    const { stream, publish } = yield* TokenEvents.make
    const listening: TokenEvents.Service = { stream, publish: (event) => (events.push(event), publish(event)) }
    yield* Effect.provideService(effect, TokenEvents.TokenEvents, listening)
    return events
  })

describe("TokenEvents", () => {
  it.scoped("publishes the events of a token in order, with its hash, without the token", () =>
    Effect.gen(function* () {
      const store = yield* TokenStore.makeMemory
      yield* storeFromOtherProcess(store, "old", 0)
      const lost = new TokenError({ reason: "Unavailable", sent: "maybe", detail: "the connection broke" })
      const { mint } = scriptedTokens((n) => (n === 1 ? Effect.fail(lost) : token(n)))
      const events = yield* told(
        Effect.gen(function* () {
          const { get, getCached, onRejected } = yield* makeSource(store, mint)
          const { generation } = yield* get
          getCached?.(yield* Clock.currentTimeMillis)
          yield* onRejected(generation)
        })
      )
      expect(events.map(({ _tag, token }) => [_tag, token])).toEqual([
        ["LoadedFromStore", hashOf("canary-old")],
        ["RefreshRetried", hashOf("canary-old")],
        ["Refreshed", hashOf("canary-2")],
        ["Stored", hashOf("canary-2")],
        ["Used", hashOf("canary-2")],
        ["Used", hashOf("canary-2")],
        ["Rejected", hashOf("canary-2")],
        ["Refreshed", hashOf("canary-3")],
        ["Stored", hashOf("canary-3")]
      ])
      expect(new Set(events.map((event) => event.key))).toEqual(new Set([key]))
      expect(JSON.stringify(events)).not.toContain(canary)
    })
  )

  it.scoped("publishes the errors of failed writes and refreshes", () =>
    Effect.gen(function* () {
      const { service, state } = failingStore(yield* TokenStore.makeMemory)
      const { mint } = scriptedTokens((n) => (n === 1 ? token(n) : Effect.fail(scriptedError("Rejected"))))
      const events = yield* told(
        Effect.gen(function* () {
          const { get, onRejected } = yield* makeSource(service, mint)
          const { generation } = yield* get
          state.broken = false
          yield* TestClock.adjust("1 second")
          yield* Effect.flip(onRejected(generation))
        })
      )
      expect(events.map(({ _tag, error }) => [_tag, error?.reason])).toEqual([
        ["Acquired", undefined],
        ["StoreFailed", "WriteFailed"],
        ["Used", undefined],
        ["Stored", undefined],
        ["Rejected", undefined],
        ["RefreshFailed", "Rejected"]
      ])
    })
  )

  it.scoped("delivers events to subscribers of the stream and counts them", () =>
    Effect.gen(function* () {
      const counter = Metric.counter("countersign.tokens", { description: "Events of token sources." }).pipe(
        Metric.tagged("event", "Used")
      )
      const before = (yield* Metric.value(counter)).count
      const listening = yield* Effect.fork(Stream.runCollect(Stream.take(TokenEvents.stream, 12)))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      const { get } = yield* makeSource(yield* TokenStore.makeMemory, scriptedTokens().mint)
      yield* times(10, get)
      const tags = Chunk.toReadonlyArray(yield* Fiber.join(listening)).map(({ _tag }) => _tag)
      expect(tags).toEqual(["Acquired", "Stored", ...Array.from({ length: 10 }, () => "Used")])
      expect((yield* Metric.value(counter)).count - before).toBe(10)
    }).pipe(Effect.provide(TokenEvents.layer))
  )
})
