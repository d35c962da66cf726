import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Bearer from "@countersign/auth/Bearer"
import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Timeline from "@countersign/client/Timeline"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { clientOf, ok } from "./support/client.js"
import { allRenderings } from "./support/allRenderings.js"
import { scriptedTokens, scriptedError, source, token } from "./support/tokenSource.js"

const request = HttpClientRequest.get("https://api.test/")
const refused = MockClient.respond(401, "no", { "www-authenticate": 'Bearer error="invalid_token"' })

describe("Bearer", () => {
  const invalid = ["", "  ", "canary-a\n", " canary-a", "\tcanary-a", "canary-a\r\n", "bearer canary-a"]
  it.effect.each(invalid)("rejects the token %j in a call and when the Layer is built, and sends no request", (text) =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Bearer.make(Redacted.make(text)), () => ok)
      const called = yield* Effect.flip(api.get("/"))
      const built = yield* Effect.flip(Effect.provide(Auth.Auth, Bearer.layer(Redacted.make(text))))
      expect(called).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(built).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
      for (const shown of [...allRenderings(called), ...allRenderings(built)]) expect(shown).not.toContain("canary")
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("rejects an empty token of get and getCached as InvalidRequest, and sends no request", () =>
    Effect.gen(function* () {
      const held = { generation: 1, token: Token.bearer(Redacted.make(""), 0) }
      const service: TokenSource.Service = {
        get: Effect.succeed(held),
        getCached: () => held,
        onRejected: () => Effect.succeed(false),
        onReplayRejected: () => Effect.void
      }
      const { api, mock } = yield* clientOf(Bearer.fromSource(service), () => ok)
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(yield* mock.sent).toEqual([])
    })
  )
})

describe("Bearer.make", () => {
  it.effect("sends the token with each request, and shows it in no event or error", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Bearer.make(Redacted.make("canary-a")), [ok, refused])
      const { events } = yield* Timeline.record(api.get("/"))
      const error = yield* Effect.flip(api.get("/"))
      expect((yield* mock.sent).map(({ headers }) => headers["authorization"])).toEqual([
        "Bearer canary-a",
        "Bearer canary-a"
      ])
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "Rejected" })
      expect(allRenderings(error) + allRenderings(events)).not.toContain("canary")
    })
  )

  it.effect("rejects a token with a line break, sends no request, and does not show it", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Bearer.make(Redacted.make("canary-a\r\nx-evil: 1")), [ok])
      const error = yield* Effect.flip(api.get("/"))
      expect(error._tag).toBe("InvalidRequest")
      expect(allRenderings(error)).not.toContain("canary")
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("sends the token of layer and layerConfig, and reports a missing variable", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.fromMap(new Map([["TOKEN", "canary-b"]]))
      const configured = Effect.provide(Auth.Auth, Bearer.layerConfig(Config.redacted("TOKEN")))
      const given = Effect.provide(Auth.Auth, Bearer.layer(Redacted.make("canary-b")))
      for (const auth of [yield* Effect.withConfigProvider(configured, provider), yield* given]) {
        const { api, mock } = yield* clientOf(auth, [ok])
        yield* api.get("/")
        expect((yield* mock.sent)[0]?.headers["authorization"]).toBe("Bearer canary-b")
      }
      const missing = Effect.withConfigProvider(configured, ConfigProvider.fromMap(new Map()))
      expect(yield* Effect.flip(missing)).toMatchObject({ _op: "MissingData" })
    })
  )
})

describe("Bearer.fromSource", () => {
  it.scoped("replaces the token once after a 401, and sends the request with the new one", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { api, mock } = yield* clientOf(Bearer.fromSource(yield* source(mint)), [refused, ok, ok])
      yield* api.get("/")
      yield* api.get("/")
      expect((yield* mock.sent).map(({ headers }) => headers["authorization"])).toEqual([
        "Bearer canary-1",
        "Bearer canary-2",
        "Bearer canary-2"
      ])
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("replaces the token after a 401, and fails with BodyNotReplayable for a stream body", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { api, mock } = yield* clientOf(Bearer.fromSource(yield* source(mint)), [refused, ok])
      const body = HttpBody.stream(Stream.make(new Uint8Array([1])))
      const error = yield* Effect.flip(api.post("/", { body }))
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "BodyNotReplayable" })
      expect(yield* mock.sent).toHaveLength(1)
      yield* api.get("/")
      expect((yield* mock.sent)[1]?.headers["authorization"]).toBe("Bearer canary-2")
      expect(calls).toHaveLength(2)
    })
  )

  it.scoped("keeps the token after a 403", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { api } = yield* clientOf(Bearer.fromSource(yield* source(mint)), [MockClient.respond(403)])
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Forbidden")
      expect(calls).toHaveLength(1)
    })
  )

  it.effect("shares one token among all clients of the same layer, and provides TokenSource", () => {
    const { calls, mint } = scriptedTokens(() => Effect.succeed(Token.bearer(Redacted.make("canary-1"), 0)))
    class One extends ApiClient.Tag("test/One")<One, TokenSourceError>() {}
    class Two extends ApiClient.Tag("test/Two")<Two, TokenSourceError>() {}
    const auth = Bearer.layerCustom({ key: "key", acquireToken: mint })
    const live = Layer.mergeAll(
      One.layer({ baseUrl: "https://one.test", auth }),
      Two.layer({ baseUrl: "https://two.test", auth }),
      auth
    ).pipe(Layer.provideMerge(MockClient.layer([ok, ok])), Layer.provide(TokenStore.layerMemory))
    return Effect.gen(function* () {
      yield* (yield* One).get("/")
      yield* (yield* Two).get("/")
      expect((yield* (yield* TokenSource.TokenSource).get).generation).toBe(1)
      expect(calls).toHaveLength(1)
    }).pipe(Effect.provide(live))
  })

  it.scoped("signs synchronously only while an acquired token is fresh", () =>
    Effect.gen(function* () {
      const { mint } = scriptedTokens((n) => token(n, 600_000))
      const auth = Bearer.fromSource(yield* source(mint))
      const { signSync, sign } = auth
      const at = (now: number) => signSync?.(request, now)?.request.headers["authorization"]
      expect(at(0)).toBeUndefined()
      const signed = yield* sign(request)
      expect(signSync?.(request, 0)).toEqual(signed)
      expect(signed.request.headers["authorization"]).toBe("Bearer canary-1")
      expect([at(500_000), at(599_999), at(600_000)]).toEqual(["Bearer canary-1", undefined, undefined])
    })
  )

  it.scoped("signs with get each time when the source has no getCached", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const { getCached: _, ...slow } = yield* source(mint)
      const auth = Bearer.fromSource(slow)
      const { api, mock } = yield* clientOf(auth, [ok, ok])
      yield* api.get("/")
      yield* api.get("/")
      expect(auth.signSync?.(request, 0)).toBeUndefined()
      expect((yield* mock.sent).map(({ headers }) => headers["authorization"])).toEqual([
        "Bearer canary-1",
        "Bearer canary-1"
      ])
      expect(calls).toHaveLength(1)
    })
  )

  it.scoped("signs synchronously with the old token in the cooldown after a failed refresh, until it expires", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens((n) =>
        n === 1 ? token(1, 600_000) : Effect.fail(scriptedError("Unavailable"))
      )
      const auth = Bearer.fromSource(yield* source(mint))
      const at = (now: number) => auth.signSync?.(request, now)?.credential
      yield* auth.sign(request)
      yield* TestClock.setTime(590_000)
      expect(at(590_000)).toBeUndefined()
      expect((yield* auth.sign(request)).credential).toBe(1)
      expect(calls).toHaveLength(2)
      expect([at(590_000), at(599_999), at(600_000)]).toEqual([1, 1, undefined])
      yield* auth.sign(request)
      expect(calls).toHaveLength(2)
    }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
  )

  it.scoped("signs synchronously with the new token after onRejected", () =>
    Effect.gen(function* () {
      const auth = Bearer.fromSource(yield* source(scriptedTokens().mint))
      const { credential } = yield* auth.sign(request)
      expect(yield* auth.onRejected({ credential, challenges: [], at: 0 })).toBe(true)
      expect(auth.signSync?.(request, 0)?.request.headers["authorization"]).toBe("Bearer canary-2")
    })
  )
})
