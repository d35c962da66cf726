import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
import * as TokenEvents from "@countersign/auth/TokenEvents"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreReason } from "@countersign/auth/Errors"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { client, granted } from "./support/oauth.js"
import { logging } from "./support/tokenSource.js"

const error = (reason: TokenStoreReason) => new TokenStoreError({ reason, detail: "the record is broken" })

/** A store in memory. Its reads and writes fail with `reason` until its data was moved aside. */
const broken = (reason: TokenStoreReason, quarantine: "works" | "fails" | "finds nothing" | "is missing") =>
  Effect.map(TokenStore.makeMemory, (inner) => {
    let isBroken = true
    let moved = 0
    const unlessBroken = <A>(effect: Effect.Effect<A, TokenStoreError>) =>
      Effect.suspend(() => (isBroken ? Effect.fail(error(reason)) : effect))
    const move = {
      works: Effect.sync(() => {
        moved += 1
        isBroken = false
        return Option.some("/aside")
      }),
      fails: Effect.fail(error("WriteFailed")),
      "finds nothing": Effect.succeedNone
    }
    const store: TokenStore.Service = {
      ...inner,
      get: (key) => unlessBroken(inner.get(key)),
      compareAndSet: (key, expected, token) => unlessBroken(inner.compareAndSet(key, expected, token)),
      ...(quarantine !== "is missing" && { quarantine: () => move[quarantine] })
    }
    return { store, moved: () => moved, inner }
  })

/** Client credentials over a store: the result of two calls of `get`, and the number of token requests. */
const credentials = (store: TokenStore.Service) =>
  Effect.gen(function* () {
    const { client: transport, mock } = yield* MockClient.make(() => granted())
    const token = Effect.flatMap(TokenSource.TokenSource, ({ get }) => Effect.zipRight(get, get)).pipe(
      Effect.provide(
        ClientCredentials.layer(client).pipe(
          Layer.provide(Layer.succeed(TokenStore.TokenStore, store)),
          Layer.provide(Layer.succeed(HttpClient.HttpClient, transport))
        )
      )
    )
    const result = yield* Effect.either(token)
    return { result, requests: (yield* mock.sent).length }
  }).pipe(Effect.provide(TokenEvents.layer))

describe("ClientCredentials.layer with a damaged store", () => {
  it.effect.each(["works", "fails", "finds nothing", "is missing"] as const)(
    "gets a token and logs a warning if quarantine %s",
    (quarantine) => {
      const lines: Array<string> = []
      return Effect.gen(function* () {
        const { moved, store } = yield* broken("Corrupt", quarantine)
        const { requests, result } = yield* credentials(store)
        expect(result).toMatchObject({ _tag: "Right" })
        expect(requests).toBe(1)
        expect(moved()).toBe(quarantine === "works" ? 1 : 0)
        expect(lines.some((line) => line.includes(quarantine === "works" ? '"/aside"' : "serves from memory"))).toBe(
          true
        )
      }).pipe(logging(lines))
    }
  )

  it.effect.each([
    "OwnerMismatch",
    "UnsupportedFormat",
    "UnknownKey",
    "Insecure",
    "ReadFailed",
    "LockTimeout"
  ] as const)("fails with %s and moves no data aside", (reason) =>
    Effect.gen(function* () {
      const { moved, store } = yield* broken(reason, "works")
      expect((yield* credentials(store)).result).toMatchObject({ left: { _tag: "TokenStoreError", reason } })
      expect(moved()).toBe(0)
    })
  )

  it.effect("gets a token if only the write detects the damage", () =>
    Effect.gen(function* () {
      const { inner, moved, store } = yield* broken("Corrupt", "works")
      const { result } = yield* credentials({ ...store, get: inner.get })
      expect(result).toMatchObject({ _tag: "Right" })
      expect(moved()).toBe(1)
    })
  )

  it.effect("serves a token from memory if the text of a key-value store is damaged, and writes nothing", () =>
    Effect.gen(function* () {
      const texts = yield* KeyValueStore.KeyValueStore
      const written = new Map<string, string>()
      const spoilt: KeyValueStore.KeyValueStore = {
        ...texts,
        get: () => Effect.succeedSome("broken"),
        set: (key, text) => Effect.sync(() => void written.set(key, String(text)))
      }
      const { requests, result } = yield* credentials(KeyValueTokenStore.make(spoilt))
      expect(result).toMatchObject({ _tag: "Right" })
      expect([requests, written.size]).toEqual([1, 0])
    }).pipe(Effect.provide(KeyValueStore.layerMemory))
  )
})

describe("TokenSource.make with a damaged store", () => {
  it.effect("fails with Corrupt and moves no data aside", () =>
    Effect.gen(function* () {
      const { moved, store } = yield* broken("Corrupt", "works")
      const source = TokenSource.make({
        key: "key",
        acquireToken: () => Effect.succeed({ accessToken: Redacted.make("canary"), tokenType: "Bearer", receivedAt: 0 })
      })
      const got = yield* Effect.flatMap(source, ({ get }) => Effect.either(get)).pipe(
        Effect.provideService(TokenStore.TokenStore, store),
        Effect.scoped
      )
      expect(got).toMatchObject({ left: { reason: "Corrupt" } })
      expect(moved()).toBe(0)
    })
  )
})
