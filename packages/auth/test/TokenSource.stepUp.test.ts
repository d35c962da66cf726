import * as Bearer from "@countersign/auth/Bearer"
import type * as StepUp from "@countersign/auth/StepUp"
import type * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import { describe, expect, it } from "@effect/vitest"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { clientOf, ok } from "./support/client.js"
import { scriptedError, source, makeSource, storeFromOtherProcess, times, token } from "./support/tokenSource.js"

const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'

const wantsScope = (scope: string) =>
  MockClient.respond(403, {}, { "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"` })

const wantsClaims = MockClient.respond(
  401,
  {},
  { "www-authenticate": `Bearer error="insufficient_claims", claims="${Encoding.encodeBase64(claims)}"` }
)

const wantsSignIn = MockClient.respond(
  401,
  {},
  { "www-authenticate": 'Bearer error="insufficient_user_authentication", acr_values="gold", max_age="5"' }
)

/** Acquires the tokens `canary-1`, `canary-2` …, and records the step-up challenge of each. */
const demanding = (script: (n: number) => Effect.Effect<unknown, TokenError> = () => Effect.void) => {
  const asked: Array<StepUp.StepUpChallenge | undefined> = []
  const mint: TokenSource.Options["acquireToken"] = (_, demand) =>
    Effect.suspend(() => {
      asked.push(demand)
      return Effect.zipRight(script(asked.length), token(asked.length, 3600_000))
    })
  return { asked, mint }
}

const anything = { canSatisfy: () => true }

const sentWith = ({ sent }: Context.Tag.Service<typeof MockClient.MockClient>) =>
  Effect.map(sent, (all) => all.map(({ headers }) => headers["authorization"]?.slice(-1)))

describe("TokenSource with step-up challenges", () => {
  it.effect("acquires a token with the scope and replays the request", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const { api, mock } = yield* clientOf(Bearer.fromSource(yield* source(mint, anything)), [wantsScope("write"), ok])
      expect((yield* api.get("/x")).status).toBe(200)
      expect(asked).toEqual([undefined, { scopes: ["write"], acrValues: [] }])
      expect(yield* sentWith(mock)).toEqual(["1", "2"])
    }).pipe(Effect.scoped)
  )

  it.effect("fails with Forbidden if the API repeats a satisfied challenge", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const script = [wantsScope("write"), wantsScope("write"), wantsScope("write")]
      const { api, mock } = yield* clientOf(Bearer.fromSource(yield* source(mint, anything)), script)
      const error = yield* Effect.flip(api.get("/x"))
      expect(error).toMatchObject({ _tag: "Forbidden", scope: "write" })
      expect(yield* sentWith(mock)).toEqual(["1", "2"])
      yield* Effect.flip(api.get("/x"))
      expect(asked).toHaveLength(2)
    }).pipe(Effect.scoped)
  )

  it.effect("requests the scopes of all challenges", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const script = [wantsScope("write"), ok, wantsScope("delete"), ok]
      const { api } = yield* clientOf(Bearer.fromSource(yield* source(mint, anything)), script)
      yield* api.get("/x")
      yield* api.get("/y")
      expect(asked.at(-1)).toEqual({ scopes: ["write", "delete"], acrValues: [] })
    }).pipe(Effect.scoped)
  )

  it.effect("fails with Forbidden if the source cannot satisfy challenges", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const { api, mock } = yield* clientOf(Bearer.fromSource(yield* source(mint)), [wantsScope("write")])
      expect(yield* Effect.flip(api.get("/x"))).toMatchObject({ _tag: "Forbidden", scope: "write" })
      expect(asked).toHaveLength(1)
      expect(yield* sentWith(mock)).toEqual(["1"])
    }).pipe(Effect.scoped)
  )

  it.effect("acquires one token for 100 concurrent challenges", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const script = Array.from({ length: 200 }, (_, n) => (n < 100 ? wantsScope("write") : ok))
      const { api } = yield* clientOf(Bearer.fromSource(yield* source(mint, anything)), script)
      yield* times(100, api.get("/x"))
      expect(asked).toHaveLength(2)
    }).pipe(Effect.scoped)
  )

  it.effect("fails with Forbidden if the body cannot be sent again", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const { api } = yield* clientOf(Bearer.fromSource(yield* source(mint, anything)), [wantsScope("write")])
      const error = yield* Effect.flip(api.post("/x", { body: HttpBody.stream(Stream.make(new Uint8Array([1]))) }))
      expect(error).toMatchObject({ _tag: "Forbidden", scope: "write" })
      expect(asked).toHaveLength(1)
    }).pipe(Effect.scoped)
  )

  it.effect("acquires this token and later ones with the claims of a challenge", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const { api, mock } = yield* clientOf(Bearer.fromSource(yield* source(mint, anything)), [wantsClaims, ok, ok])
      yield* api.get("/x")
      yield* TestClock.adjust("1 hour")
      yield* api.get("/x")
      expect(asked.map((demand) => demand?.claims)).toEqual([undefined, claims, claims])
      expect(yield* sentWith(mock)).toEqual(["1", "2", "3"])
    }).pipe(Effect.scoped)
  )

  it.effect.each(["Rejected", "ReauthorizationRequired"] as const)(
    "serves other calls with the previous token if the claims are not granted (%s)",
    (reason) =>
      Effect.gen(function* () {
        const interaction = new TokenError({ reason, error: "interaction_required", detail: "as scripted" })
        const { asked, mint } = demanding((n) => (n === 2 ? Effect.fail(interaction) : Effect.void))
        const script = [wantsClaims, ok, wantsClaims, ok]
        const { api } = yield* clientOf(Bearer.fromSource(yield* source(mint, anything)), script)
        expect(yield* Effect.flip(api.get("/x"))).toBe(interaction)
        yield* api.get("/open")
        // Nothing has changed since: the client sends no token request, and the caller gets the response of the API.
        expect(yield* Effect.flip(api.get("/x"))).toMatchObject({ _tag: "Unauthorized" })
        expect(asked).toHaveLength(2)
        yield* TestClock.adjust("1 hour")
        yield* api.get("/open")
        expect(asked.map((demand) => demand?.claims)).toEqual([undefined, claims, undefined])
      }).pipe(Effect.scoped)
  )

  it.effect("does not refresh for a required sign-in, and uses the token that a sign-in stores", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const store = yield* TokenStore.makeMemory
      const script = [wantsSignIn, wantsSignIn, ok]
      const { api, mock } = yield* clientOf(Bearer.fromSource(yield* makeSource(store, mint)), script)
      expect(yield* Effect.flip(api.get("/x"))).toMatchObject({ _tag: "Unauthorized" })
      expect(yield* sentWith(mock)).toEqual(["1"])
      yield* storeFromOtherProcess(store, "9")
      yield* api.get("/x")
      expect(asked).toHaveLength(1)
      expect(yield* sentWith(mock)).toEqual(["1", "1", "9"])
    }).pipe(Effect.scoped)
  )

  it.effect("acquires its own token if another process has stored one without the scope", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const store = yield* TokenStore.makeMemory
      const script = [ok, wantsScope("write"), ok]
      const { api, mock } = yield* clientOf(Bearer.fromSource(yield* makeSource(store, mint, anything)), script)
      yield* api.get("/x")
      yield* storeFromOtherProcess(store, "9")
      yield* api.get("/x")
      expect(yield* sentWith(mock)).toEqual(["1", "1", "2"])
      expect(asked).toHaveLength(2)
    }).pipe(Effect.scoped)
  )

  it.effect("acquires another token if a refresh without the challenge is in progress", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding(() => Effect.sleep("1 second"))
      const { get, onRejected } = yield* source(mint, anything)
      const first = yield* Effect.fork(get)
      yield* TestClock.adjust("1 second")
      const { generation } = yield* first
      const demand = { scopes: ["write"], acrValues: [] }
      const plain = yield* Effect.fork(onRejected(generation))
      yield* TestClock.adjust("500 millis")
      const demanded = yield* Effect.fork(onRejected(generation, generation, demand))
      yield* TestClock.adjust("2 seconds")
      expect([yield* plain, yield* demanded]).toEqual([true, true])
      expect(asked).toEqual([undefined, undefined, demand])
    }).pipe(Effect.scoped)
  )

  it.effect("acquires at most two tokens per request for contradicting challenges", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding(() => Effect.sleep("1 second"))
      const { get, onRejected } = yield* source(mint, anything)
      const first = yield* Effect.fork(get)
      yield* TestClock.adjust("1 second")
      const { generation } = yield* first
      const wanting = (value: string) => ({ scopes: [], acrValues: [], claims: `{"${value}":null}` })
      const both = yield* Effect.fork(
        Effect.all(
          ["a", "b"].map((value) => onRejected(generation, generation, wanting(value))),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("1 minute")
      expect(yield* both).toEqual([true, true])
      expect(asked.length).toBeLessThanOrEqual(4)
    }).pipe(Effect.scoped)
  )

  it.effect("drops a challenge after the token request was unavailable", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding((n) => (n === 2 ? Effect.fail(scriptedError("Unavailable")) : Effect.void))
      const { api } = yield* clientOf(Bearer.fromSource(yield* source(mint, anything)), [wantsClaims, ok, ok])
      expect(yield* Effect.flip(api.get("/x"))).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
      yield* TestClock.adjust("1 hour")
      yield* api.get("/open")
      expect(asked.map((demand) => demand?.claims)).toEqual([undefined, claims, undefined])
    }).pipe(Effect.scoped)
  )

  it.effect("keeps satisfied challenges when a later one is denied", () =>
    Effect.gen(function* () {
      const declined = new TokenError({ reason: "Rejected", error: "invalid_scope", detail: "as scripted" })
      const asked: Array<ReadonlyArray<string>> = []
      const mint: TokenSource.Options["acquireToken"] = (_, demand) =>
        Effect.suspend(() => {
          asked.push(demand?.scopes ?? [])
          return demand?.scopes.includes("admin") === true ? Effect.fail(declined) : token(asked.length, 3600_000)
        })
      const { get, onRejected } = yield* source(mint, anything)
      const scopes = (...all: ReadonlyArray<string>) => ({ scopes: all, acrValues: [] })
      const first = yield* get
      yield* onRejected(first.generation, first.generation, scopes("read"))
      const { generation } = yield* get
      expect(yield* Effect.flip(onRejected(generation, generation, scopes("admin")))).toBe(declined)
      expect(yield* onRejected(generation, generation, scopes("read"))).toBe(false)
      yield* TestClock.adjust("1 hour")
      yield* get
      expect(asked).toEqual([[], ["read"], ["read", "admin"], ["read"]])
    }).pipe(Effect.scoped)
  )

  it.effect("limits the length of the requested scopes to 4096", () =>
    Effect.gen(function* () {
      const { asked, mint } = demanding()
      const { get, onRejected } = yield* source(mint, anything)
      for (let n = 0; n < 20; n++) {
        const { generation } = yield* get
        yield* onRejected(generation, generation, { scopes: [`${n}`.repeat(500)], acrValues: [] })
      }
      expect(Math.max(...asked.map((demand) => demand?.scopes.join(" ").length ?? 0))).toBeLessThanOrEqual(4096)
    }).pipe(Effect.scoped)
  )

  it.effect("fails with Unauthorized within a second if the store hangs or fails", () =>
    Effect.gen(function* () {
      const { mint } = demanding()
      const store = yield* TokenStore.makeMemory
      let get = store.get
      const broken: TokenStore.Service = { ...store, get: (key) => get(key) }
      const { api } = yield* clientOf(Bearer.fromSource(yield* makeSource(broken, mint)), () => wantsSignIn)
      yield* Effect.flip(api.get("/x"))
      for (const hang of [
        Effect.never,
        Effect.fail(new TokenStoreError({ reason: "ReadFailed", detail: "scripted" }))
      ]) {
        get = () => hang
        const call = yield* Effect.fork(Effect.flip(api.get("/x")))
        yield* TestClock.adjust("1 second")
        expect(yield* call).toMatchObject({ _tag: "Unauthorized" })
      }
    }).pipe(Effect.scoped)
  )
})
