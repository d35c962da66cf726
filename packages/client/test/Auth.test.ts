import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import * as RequestBody from "@countersign/client/RequestBody"
import * as Timeline from "@countersign/client/Timeline"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, base, withJitter, failure, get, run, requestTimes, transport } from "./support/mockApi.js"
import { SchemeError } from "./support/schemeError.js"

const { fail, respond, respondStream } = MockClient
const challenge = { "www-authenticate": 'Bearer realm="api", error="invalid_token"' }

/** An Auth with the token `token-N`. It can be refreshed `maxRefreshes` times, which raises N. */
const refreshableAuth = (maxRefreshes = Number.POSITIVE_INFINITY) => {
  const seen = {
    signs: 0,
    rejections: [] as Array<Auth.Rejection>,
    replayRejections: [] as Array<Auth.Rejection>
  }
  let token = 1
  const auth: Auth.Service = {
    sign: (request) =>
      Effect.sync(() => {
        seen.signs++
        return { request: HttpClientRequest.setHeader(request, "x-secret", `token-${token}`), credential: token }
      }),
    onRejected: (rejection) =>
      Effect.sync(() => {
        seen.rejections.push(rejection)
        if (token > maxRefreshes) return false
        token++
        return true
      }),
    onReplayRejected: (rejection) => Effect.sync(() => void seen.replayRejections.push(rejection))
  }
  return { auth, seen }
}

const secrets = (sent: ReadonlyArray<MockClient.Sent>) => sent.map(({ headers }) => headers["x-secret"])

describe("Auth.sign", () => {
  it.effect("signs each request of a call", () =>
    Effect.gen(function* () {
      const { auth, seen } = refreshableAuth()
      const { api: client, mock } = yield* api([respond(503), fail("ECONNRESET"), respond(200)], { auth })
      yield* run(client.get("/x"))
      expect(seen.signs).toBe(3)
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-1", "token-1"])
      expect(seen.rejections).toEqual([])
    })
  )

  it.effect("signs when the effect runs, once per run", () =>
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

  it.effect("fails with the signing error and sends nothing", () =>
    Effect.gen(function* () {
      const rejected = new SchemeError({ message: "later" })
      const auth: Auth.Service<SchemeError> = {
        sign: () => Effect.fail(rejected),
        onRejected: () => Effect.succeed(false)
      }
      const { api: client, mock } = yield* api([respond(200)], { auth })
      expect(yield* failure(client.get("/x"))).toBe(rejected)
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("rejects a header with a line break as InvalidRequest", () =>
    Effect.gen(function* () {
      const auth = Auth.makeStaticEffect((request) =>
        Effect.succeed(HttpClientRequest.setHeader(request, "authorization", "Bearer a\r\nb"))
      )
      const { api: client, mock } = yield* api([respond(200)], { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("uses the auth option of a call instead of the client's Auth", () =>
    Effect.gen(function* () {
      const { auth } = refreshableAuth()
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

describe("Auth.onRejected", () => {
  it.effect("refreshes once with the rejected credential and the challenges, then replays once", () =>
    Effect.gen(function* () {
      const { auth, seen } = refreshableAuth()
      const { api: client, mock } = yield* api([respond(401, "no", challenge), respond(200, "yes")], { auth })
      const { events, exit } = yield* run(Timeline.record(client.post("/x", { json: { a: 1 } })))
      expect(exit._tag).toBe("Success")
      const sent = yield* mock.sent
      expect(secrets(sent)).toEqual(["token-1", "token-2"])
      expect(sent.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}'])
      expect(seen.rejections).toEqual([
        {
          credential: 1,
          initialCredentialId: 1,
          at: 0,
          challenges: [{ scheme: "bearer", params: { realm: "api", error: "invalid_token" } }]
        }
      ])
      expect(seen.replayRejections).toEqual([])
      expect(events.filter(({ _tag }) => _tag === "CredentialsRefreshed")).toMatchObject([
        { _tag: "CredentialsRefreshed", at: 0, renewed: true }
      ])
    })
  )

  it.effect("fails with RejectedAfterRefresh and calls onReplayRejected after a second 401", () =>
    Effect.gen(function* () {
      const { auth, seen } = refreshableAuth()
      const { api: client, mock } = yield* api(() => respond(401, "no", challenge), { auth })
      const error = yield* failure(client.get("/x"))
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "RejectedAfterRefresh", status: 401 })
      expect(yield* mock.sent).toHaveLength(2)
      expect(seen.rejections).toHaveLength(1)
      expect(seen.replayRejections.map(({ credential }) => credential)).toEqual([2])
    })
  )

  it.effect("fails with Rejected after one request when no new credentials are available", () =>
    Effect.gen(function* () {
      const { auth } = refreshableAuth(0)
      const { api: client, mock } = yield* api(() => respond(401, "no", challenge), { auth })
      const error = yield* failure(client.get("/x"))
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "Rejected" })
      expect(error.message).toContain('bearer (realm "api", invalid_token)')
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("fails with NoCredentials after a 401 to an unsigned request", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => respond(401, "no", challenge))
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unauthorized", reason: "NoCredentials" })
    })
  )

  it.effect("refreshes credentials and fails with BodyNotReplayable when the body can be sent once", () =>
    Effect.gen(function* () {
      const { auth, seen } = refreshableAuth()
      const { api: client, mock } = yield* api([respond(401, "no"), respond(200)], { auth })
      const once = HttpBody.stream(Stream.make(new TextEncoder().encode("once")))
      const error = yield* failure(client.post("/x", { body: once }))
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "BodyNotReplayable" })
      expect(seen.rejections).toHaveLength(1)
      expect((yield* mock.sent).map(({ body }) => body)).toEqual(["once"])
      // The next request uses the refreshed credentials.
      yield* run(client.get("/x"))
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-2"])
    })
  )

  it.effect("replays the whole stream when it is marked replayable", () =>
    Effect.gen(function* () {
      const { auth } = refreshableAuth()
      const { api: client, mock } = yield* api([respond(401), respond(200)], { auth })
      const body = RequestBody.markReplayable(HttpBody.stream(Stream.make(new TextEncoder().encode("again"))))
      yield* run(client.post("/x", { body }))
      expect((yield* mock.sent).map(({ body }) => body)).toEqual(["again", "again"])
    })
  )

  it.effect("releases the connection of a 401 before refreshing", () =>
    Effect.gen(function* () {
      const script: MockClient.Script = [respond(401, "x".repeat(100_000)), respond(200)]
      const { client, mock } = yield* transport(script)
      let releasedAtRefresh = 0
      const auth: Auth.Service = {
        ...refreshableAuth().auth,
        onRejected: () =>
          Effect.map(mock.released, (released) => {
            releasedAtRefresh = released.length
            return true
          })
      }
      yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect(releasedAtRefresh).toBe(1)
    })
  )

  it.effect("releases the connection and fails with the refresh error when refreshing fails", () =>
    Effect.gen(function* () {
      const error = new SchemeError({ message: "sign in again" })
      const auth: Auth.Service<SchemeError> = { ...refreshableAuth().auth, onRejected: () => Effect.fail(error) }
      const { api: client, mock } = yield* api([respond(401, "no")], { auth })
      expect(yield* failure(client.get("/x"))).toBe(error)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("replays after one second when the body of the 401 never ends", () =>
    Effect.gen(function* () {
      const { auth } = refreshableAuth()
      const { api: client, mock } = yield* api([respondStream(401, Stream.never), respond(200)], { auth })
      yield* run(client.get("/x"))
      expect((yield* mock.sent).map(({ at }) => at)).toEqual([0, 1000])
    })
  )

  it.effect("follows the replay schedule of the Auth", () =>
    Effect.gen(function* () {
      const scheduled: Auth.Service = {
        ...refreshableAuth().auth,
        replay: Schedule.intersect(Schedule.recurs(3), Schedule.spaced(100))
      }
      const { api: client, mock } = yield* api(() => respond(401), { auth: scheduled })
      expect(yield* failure(client.get("/x"))).toMatchObject({ reason: "RejectedAfterRefresh" })
      expect((yield* mock.sent).map(({ at }) => at)).toEqual([0, 100, 200, 300])
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-2", "token-3", "token-4"])
    })
  )
})

describe("Auth.policy on a 403", () => {
  it.effect("sends once and refreshes nothing", () =>
    Effect.gen(function* () {
      const { auth, seen } = refreshableAuth()
      const { api: client, mock } = yield* api(() => respond(403, "no"), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Forbidden", scope: undefined })
      expect(seen.rejections).toEqual([])
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("reports the scope of an insufficient_scope challenge", () =>
    Effect.gen(function* () {
      const field = 'Basic realm="x", Bearer error="insufficient_scope", scope="repo admin"'
      const { api: client } = yield* api(() => respond(403, "no", { "www-authenticate": field }))
      const error = yield* failure(client.get("/x"))
      expect(error).toMatchObject({ _tag: "Forbidden", scope: "repo admin" })
      expect(error.message).toContain('for the scope "repo admin"')
    })
  )
})

/** An Auth with `onInsufficientScope`: undefined returns no effect, a boolean is whether new credentials are available. */
const steppingUpAuth = (available: boolean | undefined) => {
  const { auth, seen } = refreshableAuth()
  const challenged: Array<Pick<Auth.Rejection, "credential" | "challenges">> = []
  const onInsufficientScope: Auth.Service["onInsufficientScope"] = (rejection) => {
    challenged.push(rejection)
    if (available === undefined) return undefined
    return available ? auth.onRejected({ ...rejection, at: 0 }) : Effect.succeed(false)
  }
  return { auth: { ...auth, onInsufficientScope }, challenged, seen }
}

const insufficientScope = { "www-authenticate": 'Bearer error="insufficient_scope", scope="write"' }
const insufficientScopeResponse = respond(403, "no", insufficientScope)

describe("Auth.onInsufficientScope", () => {
  it.effect("steps up when the rate limit is exhausted too, but waits for retry-after", () =>
    Effect.gen(function* () {
      const exhausted = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }
      const steps: ReadonlyArray<readonly [MockClient.Headers, number, ReadonlyArray<string>]> = [
        [{ ...insufficientScope, ...exhausted }, 0, ["token-1", "token-2"]],
        [{ ...insufficientScope, "retry-after": "9" }, 9000, ["token-1", "token-1"]],
        [exhausted, 9000, ["token-1", "token-1"]]
      ]
      for (const [headers, ms, sent] of steps) {
        yield* TestClock.setTime(0)
        const { auth } = steppingUpAuth(true)
        const { api: client, mock } = yield* api([respond(403, "no", headers), respond(200)], { auth })
        yield* run(client.get("/x")).pipe(withJitter(0))
        expect(secrets(yield* mock.sent)).toEqual(sent)
        expect(yield* requestTimes(mock)).toEqual([0, ms])
      }
    })
  )

  it.effect("steps up once and sends once more with new credentials", () =>
    Effect.gen(function* () {
      const { challenged, auth } = steppingUpAuth(true)
      const { api: client, mock } = yield* api([insufficientScopeResponse, respond(200)], { auth })
      expect((yield* run(client.get("/x"))).status).toBe(200)
      expect(challenged).toMatchObject([
        { credential: 1, challenges: [{ scheme: "bearer", params: { scope: "write" } }] }
      ])
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-2"])
    })
  )

  it.effect("fails with Forbidden after the second insufficient_scope response", () =>
    Effect.gen(function* () {
      const { challenged, auth } = steppingUpAuth(true)
      const { api: client, mock } = yield* api(() => insufficientScopeResponse, { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Forbidden", scope: "write" })
      expect(challenged).toHaveLength(1)
      expect(yield* mock.sent).toHaveLength(2)
    })
  )

  it.effect("refreshes and replays after a 401 that follows a step-up", () =>
    Effect.gen(function* () {
      const { auth } = steppingUpAuth(true)
      const { api: client, mock } = yield* api([insufficientScopeResponse, respond(401), respond(200)], { auth })
      yield* run(client.get("/x"))
      expect(secrets(yield* mock.sent)).toEqual(["token-1", "token-2", "token-3"])
    })
  )

  it.effect.each([undefined, false])("returns the 403 with its body when onInsufficientScope gives %s", (available) =>
    Effect.gen(function* () {
      const { auth } = steppingUpAuth(available)
      const { client, mock } = yield* transport([insufficientScopeResponse])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect([response.status, yield* run(response.text)]).toEqual([403, "no"])
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("returns Forbidden without refreshing when the body can be sent once", () =>
    Effect.gen(function* () {
      const { auth, seen } = steppingUpAuth(true)
      const { api: client, mock } = yield* api([insufficientScopeResponse], { auth })
      const body = HttpBody.stream(Stream.make(new Uint8Array([1])))
      expect(yield* failure(client.post("/x", { body }))).toMatchObject({ _tag: "Forbidden" })
      expect(seen.rejections).toEqual([])
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("releases the connection of a 403 before stepping up", () =>
    Effect.gen(function* () {
      const script: MockClient.Script = [respond(403, "x".repeat(100_000), insufficientScope), respond(200)]
      const { client, mock } = yield* transport(script)
      let releasedAtStepUp = 0
      const onInsufficientScope = () =>
        Effect.map(mock.released, (released) => {
          releasedAtStepUp = released.length
          return true
        })
      yield* run(
        Auth.policy({ auth: { ...refreshableAuth().auth, onInsufficientScope }, origins: [base] })(client).execute(
          get()
        )
      )
      expect(releasedAtStepUp).toBe(1)
    })
  )
})

describe("Auth.policy origins", () => {
  const origins = ["https://api.test/v1", "https://uploads.test"]
  const ownOrigin = [
    "https://api.test/v1/x",
    "https://api.test/other",
    "https://api.test:443/x",
    "https://API.test/x",
    "https://api.test?x",
    "https://api.test",
    "https://uploads.test/x"
  ]
  const otherOrigins = [
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

  it.effect("compares scheme, host and port exactly", () =>
    Effect.gen(function* () {
      for (const [expected, list] of [
        ["token-1", ownOrigin],
        [undefined, otherOrigins]
      ] as const) {
        for (const url of list) {
          const { client, mock } = yield* transport(() => respond(200))
          yield* run(Auth.policy({ auth: refreshableAuth().auth, origins })(client).execute(HttpClientRequest.get(url)))
          expect(secrets(yield* mock.sent), url).toEqual([expected])
        }
      }
    })
  )

  it.effect("does not refresh after a 401 of another origin", () =>
    Effect.gen(function* () {
      const { auth, seen } = refreshableAuth()
      const { api: client, mock } = yield* api(
        [respond(302, "", { location: "https://evil.test/" }), respond(401, "", challenge)],
        { auth }
      )
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unauthorized", reason: "NoCredentials" })
      expect(seen.rejections).toEqual([])
      expect(secrets(yield* mock.sent)).toEqual(["token-1", undefined])
    })
  )

  it.effect("sends credentials to the base URL and to listed origins only", () =>
    Effect.gen(function* () {
      const hop = respond(302, "", { location: "https://uploads.test/x" })
      for (const [listed, expected] of [
        [["https://uploads.test"], "token-1"],
        [[], undefined]
      ] as const) {
        const { api: client, mock } = yield* api([hop, respond(200)], { auth: refreshableAuth().auth, origins: listed })
        yield* run(client.get("/x"))
        expect(secrets(yield* mock.sent)).toEqual(["token-1", expected])
      }
    })
  )
})

describe("Auth.signSync", () => {
  /** Signs synchronously while `fresh`, and records which method signed each request. */
  const syncAuth = (fresh: boolean) => {
    const calls: Array<string> = []
    const put = (request: HttpClientRequest.HttpClientRequest, method: string) => {
      calls.push(method)
      return { request: HttpClientRequest.setHeader(request, "x-secret", method), credential: method }
    }
    const auth: Auth.Service = {
      sign: (request) => Effect.sync(() => put(request, "sign")),
      signSync: (request, now) => (fresh ? put(request, `ready at ${now}`) : void calls.push("not ready")),
      onRejected: () => Effect.succeed(true)
    }
    return { auth, calls }
  }

  it.effect("signs with the time of the fiber's Clock and skips sign", () =>
    Effect.gen(function* () {
      const { auth, calls } = syncAuth(true)
      const { api: client, mock } = yield* api([respond(200)], { auth })
      yield* TestClock.setTime(7000)
      yield* run(client.get("/x"))
      expect([calls, secrets(yield* mock.sent)]).toEqual([["ready at 7000"], ["ready at 7000"]])
    })
  )

  it.effect("signs each attempt and each run of an effect", () =>
    Effect.gen(function* () {
      const { auth, calls } = syncAuth(true)
      const { api: client } = yield* api([respond(503), respond(200), respond(200)], { auth })
      const call = client.get("/x")
      expect(calls).toEqual([])
      yield* run(call)
      yield* run(call)
      expect(calls).toEqual(["ready at 0", "ready at 0", "ready at 0"])
    }).pipe(withJitter(0))
  )

  it.effect("falls back to sign when it returns undefined", () =>
    Effect.gen(function* () {
      const { auth, calls } = syncAuth(false)
      const { api: client, mock } = yield* api([respond(200)], { auth })
      yield* run(client.get("/x"))
      expect([calls, secrets(yield* mock.sent)]).toEqual([["not ready", "sign"], ["sign"]])
    })
  )

  it.effect("leaves the replay to sign", () =>
    Effect.gen(function* () {
      const { auth, calls } = syncAuth(true)
      const rejected: Array<string | number> = []
      const recording: Auth.Service = {
        ...auth,
        onRejected: ({ credential }) => Effect.sync(() => rejected.push(credential) > 0)
      }
      const { api: client, mock } = yield* api([respond(401), respond(200)], { auth: recording })
      yield* run(client.get("/x"))
      expect([calls, rejected]).toEqual([["ready at 0", "sign"], ["ready at 0"]])
      expect(secrets(yield* mock.sent)).toEqual(["ready at 0", "sign"])
    })
  )

  it.effect("signs nothing for another origin, directly or after a redirect", () =>
    Effect.gen(function* () {
      const { auth, calls } = syncAuth(true)
      const { client, mock } = yield* transport([respond(200)])
      const policy = Auth.policy({ auth, origins: [base] })
      yield* run(policy(client).execute(HttpClientRequest.get("https://api.test.evil.test/v1/x")))
      expect([calls, secrets(yield* mock.sent)]).toEqual([[], [undefined]])
      const hop = yield* api([respond(302, "", { location: "https://other.test/x" }), respond(200)], { auth })
      yield* run(hop.api.get("/x"))
      expect([calls, secrets(yield* hop.mock.sent)]).toEqual([["ready at 0"], ["ready at 0", undefined]])
    })
  )

  it.effect("keeps its receiver when the Auth is a class instance", () =>
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

  it.effect("returns the same as sign for Auth.makeStatic, which never refreshes", () =>
    Effect.gen(function* () {
      const auth = Auth.makeStatic((request) => HttpClientRequest.setHeader(request, "x-secret", "s"))
      expect(auth.signSync?.(get(), 0)).toEqual(yield* auth.sign(get()))
      const { api: client, mock } = yield* api(() => respond(401), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Unauthorized", reason: "Rejected" })
      expect(secrets(yield* mock.sent)).toEqual(["s"])
    })
  )
})

describe("Auth", () => {
  it.effect("sends unsigned requests with none and never refreshes makeStaticEffect", () =>
    Effect.gen(function* () {
      expect(yield* Auth.none.onRejected({ credential: 0, challenges: [], at: 0 })).toBe(false)
      const auth = Auth.makeStaticEffect((request) =>
        Effect.succeed(HttpClientRequest.setHeader(request, "x-secret", "s"))
      )
      const { api: client, mock } = yield* api(() => respond(401), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ reason: "Rejected" })
      expect(secrets(yield* mock.sent)).toEqual(["s"])
    }).pipe(withJitter(0))
  )

  it.effect("provides Auth.none with layerNone", () =>
    Effect.gen(function* () {
      expect(yield* Auth.Auth).toBe(Auth.none)
    }).pipe(Effect.provide(Auth.layerNone))
  )
})
