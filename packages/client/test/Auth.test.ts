import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import type { AuthError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as RequestBody from "@countersign/client/RequestBody"
import * as Timeline from "@countersign/client/Timeline"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, base, chance, failure, get, run, times, transport } from "./scripted.js"

const { fail, respond, respondStream } = MockClient
const challenge = { "www-authenticate": 'Bearer realm="api", error="invalid_token"' }

/** A scheme of numbered tokens: each renewal gives the next one, `renewals` times. */
const numbered = (renewals = Number.POSITIVE_INFINITY) => {
  const seen = {
    signs: 0,
    refusals: [] as Array<Auth.Rejection>,
    gaveUp: [] as Array<Auth.Rejection>
  }
  let token = 1
  const auth: Auth.Service = {
    sign: (request) =>
      Effect.sync(() => {
        seen.signs++
        return { request: HttpClientRequest.setHeader(request, "x-secret", `token-${token}`), credential: token }
      }),
    onRejected: (refusal) =>
      Effect.sync(() => {
        seen.refusals.push(refusal)
        if (token > renewals) return false
        token++
        return true
      }),
    onReplayRejected: (refusal) => Effect.sync(() => void seen.gaveUp.push(refusal))
  }
  return { auth, seen }
}

const secrets = (sent: ReadonlyArray<MockClient.Sent>) => sent.map(({ headers }) => headers["x-secret"])

describe("signing", () => {
  it.effect("happens once for each send, so that signatures are fresh", () =>
    Effect.gen(function* () {
      const { auth, seen } = numbered()
      const { api: client, mock } = yield* api([respond(503), fail("ECONNRESET"), respond(200)], { auth })
      yield* run(client.get("/x"))
      expect(seen.signs).toBe(3)
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-1", "token-1"])
      expect(seen.refusals).toEqual([])
    })
  )

  it.effect("happens when the effect runs, each time, not when it is made", () =>
    Effect.gen(function* () {
      let n = 0
      const auth = Auth.makeStaticEffect((request) =>
        Effect.succeed(HttpClientRequest.setHeader(request, "x-secret", String(++n)))
      )
      const { api: client, mock } = yield* api(() => respond(200), { auth, retry: false, timeout: { call: false } })
      const call = client.get("/x")
      expect(n).toBe(0)
      yield* run(Effect.repeatN(call, 2))
      expect(secrets(yield* mock.sent)).toEqual(["1", "2", "3"])
    })
  )

  it.effect("that fails sends nothing, and fails with its own error", () =>
    Effect.gen(function* () {
      const refused = new TokenError({ reason: "Unavailable", detail: "later" })
      const auth: Auth.Service = { sign: () => Effect.fail(refused), onRejected: () => Effect.succeed(false) }
      const { api: client, mock } = yield* api([respond(200)], { auth })
      expect(yield* failure(client.get("/x"))).toBe(refused)
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("that puts a line break into a header is InvalidRequest", () =>
    Effect.gen(function* () {
      const auth = Auth.makeStaticEffect((request) =>
        Effect.succeed(HttpClientRequest.setHeader(request, "authorization", "Bearer a\r\nb"))
      )
      const { api: client, mock } = yield* api([respond(200)], { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("takes the credentials of one call where the call brings them", () =>
    Effect.gen(function* () {
      const { auth } = numbered()
      const { api: client, mock } = yield* api([respond(200), respond(200), respond(200)], { auth })
      const other = Auth.makeStaticEffect((request) =>
        Effect.succeed(HttpClientRequest.setHeader(request, "x-secret", "other"))
      )
      yield* run(client.get("/x", { auth: other }))
      yield* run(client.get("/x", { auth: Auth.none }))
      yield* run(client.get("/x"))
      expect(secrets(yield* mock.sent)).toEqual(["other", undefined, "token-1"])
    })
  )
})

describe("a 401", () => {
  it.effect("is answered with one renewal, that is told what was refused, and one replay", () =>
    Effect.gen(function* () {
      const { auth, seen } = numbered()
      const { api: client, mock } = yield* api([respond(401, "no", challenge), respond(200, "yes")], { auth })
      const { events, exit } = yield* run(Timeline.record(client.post("/x", { json: { a: 1 } })))
      expect(exit._tag).toBe("Success")
      const sent = yield* mock.sent
      expect(secrets(sent)).toEqual(["token-1", "token-2"])
      expect(sent.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}'])
      expect(seen.refusals).toEqual([
        {
          credential: 1,
          initialCredentialId: 1,
          at: 0,
          challenges: [{ scheme: "bearer", params: { realm: "api", error: "invalid_token" } }]
        }
      ])
      expect(seen.gaveUp).toEqual([])
      expect(events.filter(({ _tag }) => _tag === "CredentialsRefreshed")).toEqual([
        { _tag: "CredentialsRefreshed", at: 0, renewed: true }
      ])
    })
  )

  it.effect("twice is Unauthorized because the replay was refused, and the scheme hears of it", () =>
    Effect.gen(function* () {
      const { auth, seen } = numbered()
      const { api: client, mock } = yield* api(() => respond(401, "no", challenge), { auth })
      const error = yield* failure(client.get("/x"))
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "RejectedAfterRefresh", status: 401 })
      expect(yield* mock.sent).toHaveLength(2)
      expect(seen.refusals).toHaveLength(1)
      expect(seen.gaveUp.map(({ credential }) => credential)).toEqual([2])
    })
  )

  it.effect(
    "for which there is nothing else is Unauthorized because the credentials were refused, after one send",
    () =>
      Effect.gen(function* () {
        const { auth } = numbered(0)
        const { api: client, mock } = yield* api(() => respond(401, "no", challenge), { auth })
        const error = yield* failure(client.get("/x"))
        expect(error).toMatchObject({ _tag: "Unauthorized", reason: "Rejected" })
        expect(error.message).toContain('bearer (realm "api", invalid_token)')
        expect(yield* mock.sent).toHaveLength(1)
      })
  )

  it.effect("without credentials is Unauthorized because there were none", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => respond(401, "no", challenge))
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unauthorized", reason: "NoCredentials" })
    })
  )

  it.effect("with a body that can be sent once renews the credentials, and fails with a type that says why", () =>
    Effect.gen(function* () {
      const { auth, seen } = numbered()
      const { api: client, mock } = yield* api([respond(401, "no"), respond(200)], { auth })
      const once = HttpBody.stream(Stream.make(new TextEncoder().encode("once")))
      const error = yield* failure(client.post("/x", { body: once }))
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "BodyNotReplayable" })
      expect(seen.refusals).toHaveLength(1)
      expect((yield* mock.sent).map(({ body }) => body)).toEqual(["once"])
      // The next request goes out with the credentials that were renewed.
      yield* run(client.get("/x"))
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-2"])
    })
  )

  it.effect("with a stream that was declared replayable is replayed whole", () =>
    Effect.gen(function* () {
      const { auth } = numbered()
      const { api: client, mock } = yield* api([respond(401), respond(200)], { auth })
      const body = RequestBody.markReplayable(HttpBody.stream(Stream.make(new TextEncoder().encode("again"))))
      yield* run(client.post("/x", { body }))
      expect((yield* mock.sent).map(({ body }) => body)).toEqual(["again", "again"])
    })
  )

  it.effect("has let its connection go before the scheme asks for another token", () =>
    Effect.gen(function* () {
      const script: MockClient.Script = [respond(401, "x".repeat(100_000)), respond(200)]
      const { client, mock } = yield* transport(script)
      let releasedAtRenewal = 0
      const auth: Auth.Service = {
        ...numbered().auth,
        onRejected: () =>
          Effect.map(mock.released, (released) => {
            releasedAtRenewal = released.length
            return true
          })
      }
      yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect(releasedAtRenewal).toBe(1)
    })
  )

  it.effect("whose renewal fails has let its connection go, and fails with the renewal's error", () =>
    Effect.gen(function* () {
      const error: AuthError = new TokenError({ reason: "ReauthorizationRequired", detail: "sign in again" })
      const auth: Auth.Service = { ...numbered().auth, onRejected: () => Effect.fail(error) }
      const { api: client, mock } = yield* api([respond(401, "no")], { auth })
      expect(yield* failure(client.get("/x"))).toBe(error)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("with a body that never ends is replayed within a second", () =>
    Effect.gen(function* () {
      const { auth } = numbered()
      const { api: client, mock } = yield* api([respondStream(401, Stream.never), respond(200)], { auth })
      yield* run(client.get("/x"))
      expect((yield* mock.sent).map(({ at }) => at)).toEqual([0, 1000])
    })
  )

  it.effect("is replayed as often, and as late, as the scheme's schedule says", () =>
    Effect.gen(function* () {
      const pool: Auth.Service = {
        ...numbered().auth,
        replay: Schedule.intersect(Schedule.recurs(3), Schedule.spaced(100))
      }
      const { api: client, mock } = yield* api(() => respond(401), { auth: pool })
      expect(yield* failure(client.get("/x"))).toMatchObject({ reason: "RejectedAfterRefresh" })
      expect((yield* mock.sent).map(({ at }) => at)).toEqual([0, 100, 200, 300])
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-2", "token-3", "token-4"])
    })
  )
})

describe("a 403", () => {
  it.effect("renews nothing and is sent once", () =>
    Effect.gen(function* () {
      const { auth, seen } = numbered()
      const { api: client, mock } = yield* api(() => respond(403, "no"), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Forbidden", scope: undefined })
      expect(seen.refusals).toEqual([])
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("for want of a scope names the scope", () =>
    Effect.gen(function* () {
      const field = 'Basic realm="x", Bearer error="insufficient_scope", scope="repo admin"'
      const { api: client } = yield* api(() => respond(403, "no", { "www-authenticate": field }))
      const error = yield* failure(client.get("/x"))
      expect(error).toMatchObject({ _tag: "Forbidden", scope: "repo admin" })
      expect(error.message).toContain('for the scope "repo admin"')
    })
  )
})

/** A scheme that may get other credentials for a 403, as long as it wants to. */
const stepping = (found: boolean | undefined) => {
  const { auth, seen } = numbered()
  const asked: Array<Pick<Auth.Rejection, "credential" | "challenges">> = []
  const onInsufficientScope: Auth.Service["onInsufficientScope"] = (refusal) => {
    asked.push(refusal)
    if (found === undefined) return undefined
    return found ? auth.onRejected({ ...refusal, at: 0 }) : Effect.succeed(false)
  }
  return { auth: { ...auth, onInsufficientScope }, asked, seen }
}

const demand = { "www-authenticate": 'Bearer error="insufficient_scope", scope="write"' }
const demanding = respond(403, "no", demand)

describe("a 403, for a scheme that can step up", () => {
  it.effect("is stepped up where the limit is exhausted too, and not where it has Retry-After", () =>
    Effect.gen(function* () {
      const spent = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }
      const steps: ReadonlyArray<readonly [MockClient.Headers, number, ReadonlyArray<string>]> = [
        [{ ...demand, ...spent }, 0, ["token-1", "token-2"]],
        [{ ...demand, "retry-after": "9" }, 9000, ["token-1", "token-1"]],
        [spent, 9000, ["token-1", "token-1"]]
      ]
      for (const [headers, ms, sent] of steps) {
        yield* TestClock.setTime(0)
        const { auth } = stepping(true)
        const { api: client, mock } = yield* api([respond(403, "no", headers), respond(200)], { auth })
        yield* run(client.get("/x")).pipe(chance(0))
        expect(secrets(yield* mock.sent)).toEqual(sent)
        expect(yield* times(mock)).toEqual([0, ms])
      }
    })
  )

  it.effect("is answered with one step and one more send, with a signature of its own", () =>
    Effect.gen(function* () {
      const { asked, auth } = stepping(true)
      const { api: client, mock } = yield* api([demanding, respond(200)], { auth })
      expect((yield* run(client.get("/x"))).status).toBe(200)
      expect(asked).toMatchObject([{ credential: 1, challenges: [{ scheme: "bearer", params: { scope: "write" } }] }])
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-2"])
    })
  )

  it.effect("that comes again is the answer: a request takes one step", () =>
    Effect.gen(function* () {
      const { asked, auth } = stepping(true)
      const { api: client, mock } = yield* api(() => demanding, { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Forbidden", scope: "write" })
      expect(asked).toHaveLength(1)
      expect(yield* mock.sent).toHaveLength(2)
    })
  )

  it.effect("leaves a 401 that comes after it its own answer", () =>
    Effect.gen(function* () {
      const { auth } = stepping(true)
      const { api: client, mock } = yield* api([demanding, respond(401), respond(200)], { auth })
      yield* run(client.get("/x"))
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-2", "token-3"])
    })
  )

  it.effect.each([undefined, false])("is the answer, with its body, where the scheme gives %s", (found) =>
    Effect.gen(function* () {
      const { auth } = stepping(found)
      const { client, mock } = yield* transport([demanding])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect([response.status, yield* run(response.text)]).toEqual([403, "no"])
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("is the answer to a request whose body can be sent once", () =>
    Effect.gen(function* () {
      const { auth, seen } = stepping(true)
      const { api: client, mock } = yield* api([demanding], { auth })
      const body = HttpBody.stream(Stream.make(new Uint8Array([1])))
      expect(yield* failure(client.post("/x", { body }))).toMatchObject({ _tag: "Forbidden" })
      expect(seen.refusals).toEqual([])
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("has let its connection go before the scheme asks for another token", () =>
    Effect.gen(function* () {
      const script: MockClient.Script = [respond(403, "x".repeat(100_000), demand), respond(200)]
      const { client, mock } = yield* transport(script)
      let releasedAtStep = 0
      const onInsufficientScope = () =>
        Effect.map(mock.released, (released) => {
          releasedAtStep = released.length
          return true
        })
      yield* run(
        Auth.policy({ auth: { ...numbered().auth, onInsufficientScope }, origins: [base] })(client).execute(get())
      )
      expect(releasedAtStep).toBe(1)
    })
  )
})

describe("where credentials go", () => {
  const origins = ["https://api.test/v1", "https://uploads.test"]
  const own = [
    "https://api.test/v1/x",
    "https://api.test/other",
    "https://api.test:443/x",
    "https://API.test/x",
    "https://api.test?x",
    "https://api.test",
    "https://uploads.test/x"
  ]
  const others = [
    "http://api.test/x",
    "https://api.test:8443/x",
    "https://api.test.evil.test/x",
    "https://evil.test/https://api.test",
    "https://xapi.test/x",
    "https://api.test@evil.test/x",
    "https://api.test:pw@evil.test/x",
    "https://sub.uploads.test/x",
    "https://api.tes/x"
  ]

  it.effect("is decided by scheme, host and port, and nothing that looks like them", () =>
    Effect.gen(function* () {
      for (const [expected, list] of [
        ["token-1", own],
        [undefined, others]
      ] as const) {
        for (const url of list) {
          const { client, mock } = yield* transport(() => respond(200))
          yield* run(Auth.policy({ auth: numbered().auth, origins })(client).execute(HttpClientRequest.get(url)))
          expect(secrets(yield* mock.sent), url).toEqual([expected])
        }
      }
    })
  )

  it.effect("a 401 of another origin renews nothing: it was not our credentials that it refused", () =>
    Effect.gen(function* () {
      const { auth, seen } = numbered()
      const { api: client, mock } = yield* api(
        [respond(302, "", { location: "https://evil.test/" }), respond(401, "", challenge)],
        { auth }
      )
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unauthorized", reason: "NoCredentials" })
      expect(seen.refusals).toEqual([])
      expect(secrets(yield* mock.sent)).toEqual(["token-1", undefined])
    })
  )

  it.effect("the origins option adds origins to the base URL's", () =>
    Effect.gen(function* () {
      const hop = respond(302, "", { location: "https://uploads.test/x" })
      for (const [listed, expected] of [
        [["https://uploads.test"], "token-1"],
        [[], undefined]
      ] as const) {
        const { api: client, mock } = yield* api([hop, respond(200)], { auth: numbered().auth, origins: listed })
        yield* run(client.get("/x"))
        expect(secrets(yield* mock.sent)).toEqual(["token-1", expected])
      }
    })
  )
})

describe("credentials that are there", () => {
  /** Signs at once while `fresh`, and tells which way each send went. */
  const readied = (fresh: boolean) => {
    const ways: Array<string> = []
    const put = (request: HttpClientRequest.HttpClientRequest, way: string) => {
      ways.push(way)
      return { request: HttpClientRequest.setHeader(request, "x-secret", way), credential: way }
    }
    const auth: Auth.Service = {
      sign: (request) => Effect.sync(() => put(request, "sign")),
      signSync: (request, now) => (fresh ? put(request, `ready at ${now}`) : void ways.push("not ready")),
      onRejected: () => Effect.succeed(true)
    }
    return { auth, ways }
  }

  it.effect("are put on at once, at the time of the fiber's clock; the scheme is not asked to sign", () =>
    Effect.gen(function* () {
      const { auth, ways } = readied(true)
      const { api: client, mock } = yield* api([respond(200)], { auth })
      yield* TestClock.setTime(7000)
      yield* run(client.get("/x"))
      expect([ways, secrets(yield* mock.sent)]).toEqual([["ready at 7000"], ["ready at 7000"]])
    })
  )

  it.effect("are asked for anew by each attempt, and each time that an effect runs", () =>
    Effect.gen(function* () {
      const { auth, ways } = readied(true)
      const { api: client } = yield* api([respond(503), respond(200), respond(200)], { auth })
      const call = client.get("/x")
      expect(ways).toEqual([])
      yield* run(call)
      yield* run(call)
      expect(ways).toEqual(["ready at 0", "ready at 0", "ready at 0"])
    }).pipe(chance(0))
  )

  it.effect("that are not there are signed with instead", () =>
    Effect.gen(function* () {
      const { auth, ways } = readied(false)
      const { api: client, mock } = yield* api([respond(200)], { auth })
      yield* run(client.get("/x"))
      expect([ways, secrets(yield* mock.sent)]).toEqual([["not ready", "sign"], ["sign"]])
    })
  )

  it.effect("are not used for a replay: that one is signed, and the refusal names what was refused", () =>
    Effect.gen(function* () {
      const { auth, ways } = readied(true)
      const refused: Array<string | number> = []
      const noting: Auth.Service = {
        ...auth,
        onRejected: ({ credential }) => Effect.sync(() => refused.push(credential) > 0)
      }
      const { api: client, mock } = yield* api([respond(401), respond(200)], { auth: noting })
      yield* run(client.get("/x"))
      expect([ways, refused]).toEqual([["ready at 0", "sign"], ["ready at 0"]])
      expect(secrets(yield* mock.sent)).toEqual(["ready at 0", "sign"])
    })
  )

  it.effect("are not asked for at all for an origin that is none of theirs, nor after a redirect to one", () =>
    Effect.gen(function* () {
      const { auth, ways } = readied(true)
      const { client, mock } = yield* transport([respond(200)])
      const policy = Auth.policy({ auth, origins: [base] })
      yield* run(policy(client).execute(HttpClientRequest.get("https://api.test.evil.test/v1/x")))
      expect([ways, secrets(yield* mock.sent)]).toEqual([[], [undefined]])
      const hop = yield* api([respond(302, "", { location: "https://other.test/x" }), respond(200)], { auth })
      yield* run(hop.api.get("/x"))
      expect([ways, secrets(yield* hop.mock.sent)]).toEqual([["ready at 0"], ["ready at 0", undefined]])
    })
  )

  it.effect("of a scheme that is a class are asked for as its other methods are", () =>
    Effect.gen(function* () {
      class Keyed implements Auth.Service {
        readonly #key = "key"
        signSync(request: HttpClientRequest.HttpClientRequest): Auth.Signed {
          return { request: HttpClientRequest.setHeader(request, "x-secret", this.#key), credential: 0 }
        }
        sign(request: HttpClientRequest.HttpClientRequest) {
          return Effect.sync(() => this.signSync(request))
        }
        onRejected() {
          return Effect.succeed(this.#key.length === 0)
        }
      }
      const { api: client, mock } = yield* api([respond(200)], { auth: new Keyed() })
      yield* run(client.get("/x"))
      expect(secrets(yield* mock.sent)).toEqual(["key"])
    })
  )

  it.effect("of a constant scheme are the same at once and when signed, and nothing renews them", () =>
    Effect.gen(function* () {
      const auth = Auth.makeStatic((request) => HttpClientRequest.setHeader(request, "x-secret", "s"))
      expect(auth.signSync?.(get(), 0)).toEqual(yield* auth.sign(get()))
      const { api: client, mock } = yield* api(() => respond(401), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unauthorized", reason: "Rejected" })
      expect(secrets(yield* mock.sent)).toEqual(["s"])
    })
  )
})

describe("the ready-made schemes", () => {
  it.effect("none sends the request as it is, and a fixed one is never renewed", () =>
    Effect.gen(function* () {
      expect(yield* Auth.none.onRejected({ credential: 0, challenges: [], at: 0 })).toBe(false)
      const auth = Auth.makeStaticEffect((request) =>
        Effect.succeed(HttpClientRequest.setHeader(request, "x-secret", "s"))
      )
      const { api: client, mock } = yield* api(() => respond(401), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ reason: "Rejected" })
      expect(secrets(yield* mock.sent)).toEqual(["s"])
    }).pipe(chance(0))
  )

  it.effect("layerNone is an Auth", () =>
    Effect.gen(function* () {
      expect(yield* Auth.Auth).toBe(Auth.none)
    }).pipe(Effect.provide(Auth.layerNone))
  )
})
