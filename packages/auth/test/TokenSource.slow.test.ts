/** A slow store delays a refresh without repeating it. If a write fails or is interrupted, the token is stored later. */
import type * as Token from "@countersign/auth/Token"
import * as TokenEvents from "@countersign/auth/TokenEvents"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as RotatedToken from "../src/internal/response/rotatedToken.js"
import * as GuardedStore from "../src/internal/store/guardedStore.js"
import * as Sources from "./support/machine.js"
import { logging, nameOf, storedIn, token } from "./support/tokenSource.js"

/** The test does not close the scope of the source, because closing waits for the clock of the machine. */
const sourceWith = (...options: Parameters<typeof Sources.sourceWith>) =>
  Effect.flatMap(Scope.make(), (scope) => Scope.extend(Sources.sourceWith(...options), scope))

type StoreOf = (memory: TokenStore.Service) => TokenStore.Service

const full = new TokenStoreError({ reason: "WriteFailed", detail: "the disk is full" })

/** The first write stores refreshStartedAt. `next` replaces the n-th write after it, or returns undefined to keep it. */
const writing =
  (next: (n: number) => ReturnType<TokenStore.Service["compareAndSet"]> | undefined): StoreOf =>
  (memory) => {
    let writes = -1
    return {
      ...memory,
      compareAndSet: (...write) =>
        Effect.suspend(() => (++writes === 0 ? undefined : next(writes)) ?? memory.compareAndSet(...write))
    }
  }

const writesFail = writing(() => Effect.fail(full))
const writesHang = writing((n) => (n === 1 ? Effect.never : undefined))

/** A rejected response that contains another refresh token. */
const rejected = Effect.fail(
  RotatedToken.attach(
    new TokenError({ reason: "Unavailable", sent: "no", detail: "rejected" }),
    Redacted.make("canary-refresh-rotated")
  )
)

const lasting = (n: number): Effect.Effect<Token.Token> => token(n, 600_000)

describe("TokenSource.get with a slow store", () => {
  it.live("logs no warning and sends one token request if each step takes 14 seconds", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const { calls, get, machine } = yield* sourceWith(lasting, (memory) => ({
        ...memory,
        get: (key) => Effect.delay(memory.get(key), "14 seconds"),
        compareAndSet: (...write) => Effect.delay(memory.compareAndSet(...write), "14 seconds"),
        withLock: (key) => (effect) => memory.withLock(key)(Effect.ensuring(effect, Effect.sleep("14 seconds")))
      })).pipe(logging(lines))
      const asking = yield* Effect.fork(get)
      yield* machine.pass("2 minutes")
      expect(nameOf(yield* Fiber.join(asking))).toBe("canary-1")
      expect([calls.length, lines]).toEqual([1, []])
    })
  )

  it.live("sends no third request if the lock is released late after two lost responses", () =>
    Effect.gen(function* () {
      const lost = new TokenError({ reason: "Unavailable", sent: "maybe", detail: "lost" })
      const { calls, get, machine } = yield* sourceWith(
        () => Effect.delay(Effect.fail(lost), "900 millis"),
        (memory) => ({
          ...memory,
          withLock: (key) => (effect) => memory.withLock(key)(Effect.ensuring(effect, Effect.sleep("5 seconds")))
        })
      )
      const asking = yield* Effect.fork(Effect.flip(get))
      yield* machine.pass("1 minute")
      expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "TokenError", detail: "lost" })
      expect(calls.length).toBe(2)
    })
  )

  it.live("sends no second request if the lock is never released and a write has failed", () =>
    Effect.gen(function* () {
      const { calls, get, machine } = yield* sourceWith(lasting, (memory) => ({
        ...writesFail(memory),
        withLock: (key) => (effect) => memory.withLock(key)(Effect.ensuring(effect, Effect.never))
      }))
      const asking = yield* Effect.fork(get)
      yield* machine.pass("20 seconds")
      expect([nameOf(yield* Fiber.join(asking)), calls.length]).toEqual(["canary-1", 1])
    })
  )
})

describe("acquireToken", () => {
  it.live("may take its whole timeout although it reads another record first", () =>
    Effect.gen(function* () {
      const other = yield* TokenStore.makeMemory
      const reading = Effect.orDie(GuardedStore.make(other, "other", undefined).get)
      const slow = (n: number) => Effect.zipRight(reading, Effect.delay(token(n), "30 seconds"))
      const { calls, get, machine } = yield* sourceWith(slow, (memory) => memory, "1 minute")
      const asking = yield* Effect.fork(get)
      yield* machine.pass("40 seconds")
      expect([nameOf(yield* Fiber.join(asking)), calls.length]).toEqual(["canary-1", 1])
    })
  )
})

describe("TokenSource.get with a write that hangs", () => {
  it.live("fails after 15 seconds, then stores the refresh token of the rejected response", () =>
    Effect.gen(function* () {
      const { calls, get, machine, store } = yield* sourceWith(() => rejected, writesHang)
      const asking = yield* Effect.fork(Effect.flip(get))
      yield* machine.pass("16 seconds")
      expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "TokenError", detail: "rejected" })
      yield* machine.pass("2 seconds")
      expect(
        Redacted.value((yield* Effect.flatten(store.get("key"))).token.refreshToken ?? Redacted.make("none"))
      ).toBe("canary-refresh-rotated")
      expect(calls.length).toBe(1)
    })
  )

  it.live("stores the token later if the refresh is abandoned before the write", () => {
    const hash = vi.spyOn(globalThis.crypto.subtle, "digest").mockResolvedValue(new ArrayBuffer(8))
    const script = (n: number) =>
      Effect.suspend(() => {
        hash.mockReturnValueOnce(new Promise(() => undefined))
        return lasting(n)
      })
    return Effect.gen(function* () {
      const { get, machine, store } = yield* sourceWith(script)
      const asking = yield* Effect.fork(get)
      yield* machine.pass("8 seconds")
      expect([nameOf(yield* Fiber.join(asking)), yield* storedIn(store)]).toEqual(["canary-1", "canary-1"])
    }).pipe(
      Effect.provideService(TokenEvents.TokenEvents, { publish: () => undefined, stream: Stream.empty }),
      Effect.ensuring(Effect.sync(() => hash.mockRestore()))
    )
  })
})

describe("closing the scope of a TokenSource", () => {
  const interrupted = writing((n) => (n === 1 ? Effect.never : Effect.fail(full)))

  it.live.each([
    ["a rejected response", () => rejected, writesFail, 0],
    ["an interrupted write", lasting, interrupted, 3_600_000]
  ] as const)("completes although the store cannot be written, after %s", ([, script, storeOf, moved]) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { get, machine } = yield* Scope.extend(Sources.sourceWith(script, storeOf), scope)
      const asking = yield* Effect.fork(Effect.either(get))
      yield* machine.pass("500 millis")
      machine.moved = moved
      yield* machine.pass("5 seconds")
      expect(Either.isEither(yield* Fiber.join(asking))).toBe(true)
      const closing = yield* Effect.forkDaemon(Effect.withClock(Scope.close(scope, Exit.void), machine))
      yield* machine.pass("1 minute")
      expect(Option.isSome(yield* Fiber.poll(closing))).toBe(true)
    })
  )
})
