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
import { printed } from "./support/printed.js"
import { minting, nothing, source, token } from "./support/sources.js"

const request = HttpClientRequest.get("https://api.test/")
const refused = MockClient.respond(401, "no", { "www-authenticate": 'Bearer error="invalid_token"' })

describe("a token that is empty", () => {
  it.effect.each(["", "  "])("%j is InvalidRequest, and nothing is sent", (empty) =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Bearer.make(Redacted.make(empty)), () => ok)
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("is InvalidRequest of a source too, whether the source is asked with an effect or without", () =>
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

describe("a token that does not change", () => {
  it.effect("is sent with each request, and told of nowhere", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Bearer.make(Redacted.make("canary-a")), [ok, refused])
      const { events } = yield* Timeline.record(api.get("/"))
      const error = yield* Effect.flip(api.get("/"))
      expect((yield* mock.sent).map(({ headers }) => headers["authorization"])).toEqual([
        "Bearer canary-a",
        "Bearer canary-a"
      ])
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "Rejected" })
      expect(printed(error) + printed(events)).not.toContain("canary")
    })
  )

  it.effect("with a line break in it is never sent, and not shown", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Bearer.make(Redacted.make("canary-a\r\nx-evil: 1")), [ok])
      const error = yield* Effect.flip(api.get("/"))
      expect(error._tag).toBe("InvalidRequest")
      expect(printed(error)).not.toContain("canary")
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("comes as a Layer, from the configuration too", () =>
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

describe("a token of a source", () => {
  it.scoped("is replaced once when it is refused, and the request is sent with the new one", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting()
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

  it.scoped("is replaced for a body that cannot be sent again, too, and the error says that sending anew will do", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting()
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

  it.scoped("is not replaced after a 403", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting()
      const { api } = yield* clientOf(Bearer.fromSource(yield* source(mint)), [MockClient.respond(403)])
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Forbidden")
      expect(calls).toHaveLength(1)
    })
  )

  it.effect("is one for all clients over the same Layer, and its source can be asked, too", () => {
    const { calls, mint } = minting(() => Effect.succeed(Token.bearer(Redacted.make("canary-1"), 0)))
    class One extends ApiClient.Tag("test/One")<One>() {}
    class Two extends ApiClient.Tag("test/Two")<Two>() {}
    const live = Layer.merge(
      One.layer({ baseUrl: "https://one.test" }),
      Two.layer({ baseUrl: "https://two.test" })
    ).pipe(
      Layer.provideMerge(Bearer.layerCustom({ key: "key", acquireToken: mint })),
      Layer.provideMerge(MockClient.layer([ok, ok])),
      Layer.provide(TokenStore.layerMemory)
    )
    return Effect.gen(function* () {
      yield* (yield* One).get("/")
      yield* (yield* Two).get("/")
      expect((yield* (yield* TokenSource.TokenSource).get).generation).toBe(1)
      expect(calls).toHaveLength(1)
    }).pipe(Effect.provide(live))
  })

  it.scoped("signs at once while it is fresh, and has to be asked for before there is one and when it is stale", () =>
    Effect.gen(function* () {
      const { mint } = minting((n) => token(n, 600_000))
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

  it.scoped("of a source that cannot tell at once is asked for each time", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting()
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

  it.scoped("signs at once with the old one in the cooldown after a mint that failed, until that expires", () =>
    Effect.gen(function* () {
      const { calls, mint } = minting((n) => (n === 1 ? token(1, 600_000) : Effect.fail(nothing("Unavailable"))))
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

  it.scoped("is another at once when it was replaced, and no longer the refused one", () =>
    Effect.gen(function* () {
      const auth = Bearer.fromSource(yield* source(minting().mint))
      const { credential } = yield* auth.sign(request)
      expect(yield* auth.onRejected({ credential, challenges: [], at: 0 })).toBe(true)
      expect(auth.signSync?.(request, 0)?.request.headers["authorization"]).toBe("Bearer canary-2")
    })
  )
})
