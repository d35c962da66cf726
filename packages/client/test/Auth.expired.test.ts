import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { api, base, failure, get, run, transport } from "./support/mockApi.js"
import { SchemeError } from "./support/schemeError.js"

const { respond, respondStream } = MockClient

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const json = { "content-type": "application/json" }

/** An Auth with the token `canary-token-N`. It can be refreshed `maxRefreshes` times, which raises N. */
const refreshableAuth = (
  expiredWhen: Auth.ExpiredWhen,
  maxRefreshes = Number.POSITIVE_INFINITY,
  overrides: Partial<Auth.Service<SchemeError>> = {}
) => {
  const seen = { rejections: [] as Array<Auth.Rejection>, replayRejections: [] as Array<Auth.Rejection> }
  let token = 1
  const auth: Auth.Service<SchemeError> = {
    sign: (request) =>
      Effect.sync(() => ({
        request: HttpClientRequest.setHeader(request, "x-secret", `canary-token-${token}`),
        credential: token
      })),
    onRejected: (rejection) =>
      Effect.sync(() => {
        seen.rejections.push(rejection)
        if (token > maxRefreshes) return false
        token++
        return true
      }),
    onReplayRejected: (rejection) => Effect.sync(() => void seen.replayRejections.push(rejection)),
    ...overrides
  }
  return { auth: Auth.withExpired(auth, expiredWhen), seen }
}

const bodySaysExpired: Auth.ExpiredWhen = {
  status: [200, 302, 400, 403, 429],
  body: (text) => text.includes("token expired")
}

const secrets = (sent: ReadonlyArray<MockClient.Sent>) => sent.map(({ headers }) => headers["x-secret"])

const noReplay = ["canary-token-1"]
const replayed = ["canary-token-1", "canary-token-2"]

describe("Auth.withExpired", () => {
  it.effect.each<readonly [string, Auth.ExpiredWhen, MockClient.Step, ReadonlyArray<string>]>([
    ["a 403 matched by status", { status: 403 }, respond(403, "no"), replayed],
    ["a 400 matched by one of several statuses", { status: [403, 400] }, respond(400, "no"), replayed],
    ["a 498 matched by status", { status: 498 }, respond(498, ""), replayed],
    ["a 302 matched by status", { status: 302 }, respond(302, "", { location: "/login" }), replayed],
    ["a 403 matched by body", bodySaysExpired, respond(403, { error: { message: "Access token expired" } }), replayed],
    [
      "a 400 matched by a body in several chunks",
      bodySaysExpired,
      respondStream(400, Stream.make(bytes("token "), bytes("expired"))),
      replayed
    ],
    ["a 200 matched by body", bodySaysExpired, respond(200, { ok: false, error: "token expired" }), replayed],
    [
      "a 200 matched by a body in several chunks",
      bodySaysExpired,
      respondStream(200, Stream.make(bytes('"token '), bytes('expired"')), json),
      replayed
    ],
    [
      "a 200 matched by a problem+json body",
      bodySaysExpired,
      respond(200, '"token expired"', { "content-type": "application/problem+json; charset=utf-8" }),
      replayed
    ],
    ["a 403 whose body does not match", bodySaysExpired, respond(403, "forbidden"), noReplay],
    ["a 403 without a body", bodySaysExpired, respond(403, ""), noReplay],
    ["a 404 outside the listed statuses", bodySaysExpired, respond(404, "token expired"), noReplay],
    ["a 200 without a body rule", { status: 200 }, respond(200, "ok"), noReplay],
    [
      "a 200 that is not JSON",
      bodySaysExpired,
      respond(200, "token expired", { "content-type": "text/plain" }),
      noReplay
    ],
    [
      "a 200 larger than the inspected size",
      bodySaysExpired,
      respond(200, { a: `token expired${"x".repeat(70_000)}` }),
      noReplay
    ],
    ["a 429", bodySaysExpired, respond(429, "token expired"), noReplay],
    ["a 403 with retry-after", bodySaysExpired, respond(403, "token expired", { "retry-after": "1" }), noReplay],
    [
      "a body predicate that throws",
      {
        status: 403,
        body: () => {
          throw new Error("canary")
        }
      },
      respond(403, "no"),
      noReplay
    ],
    ["a 401 without a rule for it", bodySaysExpired, respond(401, ""), replayed]
  ])("refreshes and replays only for expired credentials: %s", ([_, expiredWhen, step, expected]) =>
    Effect.gen(function* () {
      const { auth, seen } = refreshableAuth(expiredWhen)
      const { client, mock } = yield* transport([step, respond(200, "{}", json)])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect(secrets(yield* mock.sent)).toEqual(expected)
      expect(seen.rejections).toHaveLength(expected.length - 1)
      expect(response.status).toBe(expected === replayed ? 200 : step._tag === "Respond" ? step.status : 0)
    })
  )

  it.effect.each<readonly [number, string]>([
    [403, "Forbidden"],
    [400, "ClientError"],
    [500, "Unavailable"]
  ])("returns the error of status %d (%s) after one refresh and one replay", ([status, tag]) =>
    Effect.gen(function* () {
      const { auth, seen } = refreshableAuth({ status })
      const { api: client, mock } = yield* api(() => respond(status, "no"), { auth, retry: false })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: tag, status })
      expect(secrets(yield* mock.sent)).toEqual(replayed)
      expect(seen.rejections).toMatchObject([{ credential: 1, initialCredentialId: 1 }])
      expect(seen.replayRejections).toMatchObject([{ credential: 2, initialCredentialId: 1 }])
    })
  )

  it.effect("returns the error of the status when no new credentials are available", () =>
    Effect.gen(function* () {
      const { auth } = refreshableAuth({ status: 403 }, 0)
      const { api: client, mock } = yield* api(() => respond(403, "no"), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Forbidden" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("refreshes credentials and returns the error of the status when the body cannot be replayed", () =>
    Effect.gen(function* () {
      const { auth } = refreshableAuth({ status: 403 })
      const { api: client, mock } = yield* api([respond(403, "no"), respond(200)], { auth })
      const body = HttpBody.stream(Stream.make(bytes("once")))
      expect(yield* failure(client.post("/x", { body }))).toMatchObject({ _tag: "Forbidden" })
      yield* run(client.get("/x"))
      expect(secrets(yield* mock.sent)).toEqual(replayed)
    })
  )

  it.effect("fails with the error of the refresh", () =>
    Effect.gen(function* () {
      const error = new SchemeError({ message: "sign in" })
      const { auth } = refreshableAuth({ status: 400 }, 1, { onRejected: () => Effect.fail(error) })
      const { api: client } = yield* api([respond(400, "no")], { auth })
      expect(yield* failure(client.get("/x"))).toBe(error)
    })
  )

  it.effect("replays once in total for an expired response and a 401", () =>
    Effect.gen(function* () {
      for (const [first, second] of [
        [401, 403],
        [403, 401]
      ] as const) {
        const { auth } = refreshableAuth({ status: 403 })
        const { api: client, mock } = yield* api([respond(first), respond(second), respond(200)], { auth })
        const error = yield* failure(client.get("/x"))
        expect(error).toMatchObject({ status: second })
        expect(secrets(yield* mock.sent)).toEqual(replayed)
      }
    })
  )

  it.effect("tries step-up before refreshing", () =>
    Effect.gen(function* () {
      const { auth: withRule } = refreshableAuth({ status: 403 })
      const auth: Auth.Service<SchemeError> = { ...withRule, onInsufficientScope: () => Effect.succeed(false) }
      const { api: client, mock } = yield* api(() => respond(403, "no"), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Forbidden" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("ignores responses of other origins", () =>
    Effect.gen(function* () {
      const { auth, seen } = refreshableAuth({ status: 403 })
      const { client } = yield* transport([respond(403, "no")])
      yield* run(Auth.policy({ auth, origins: ["https://other.test"] })(client).execute(get()))
      expect(seen.rejections).toEqual([])
    })
  )

  it.effect("redacts the credentials that the last response quotes", () =>
    Effect.gen(function* () {
      const { auth } = refreshableAuth(bodySaysExpired)
      const quoting = respond(
        400,
        { title: "token expired: canary-token-1 and canary-token-2" },
        { "content-type": "application/problem+json" }
      )
      const { api: client } = yield* api(() => quoting, { auth })
      const error = yield* failure(client.get("/x"))
      expect(error).toMatchObject({ _tag: "ClientError", status: 400 })
      expect(JSON.stringify(error) + String(error)).not.toContain("canary")
    })
  )
})

const readers: Readonly<Record<string, (response: HttpClientResponse) => Effect.Effect<unknown, unknown>>> = {
  text: ({ text }) => text,
  json: ({ json }) => Effect.map(json, (value) => JSON.stringify(value)),
  arrayBuffer: ({ arrayBuffer }) => Effect.map(arrayBuffer, (buffer) => new TextDecoder().decode(buffer)),
  stream: ({ stream }) =>
    Effect.map(Stream.runCollect(Stream.decodeText(stream)), (parts) => Chunk.toReadonlyArray(parts).join(""))
}

describe("Auth.withExpired response body", () => {
  const large = JSON.stringify({ a: "x".repeat(200_000) })
  const parts = (text: string, size: number) =>
    Stream.fromIterable(
      Array.from({ length: Math.ceil(text.length / size) }, (_, n) => bytes(text.slice(n * size, (n + 1) * size)))
    )

  it.effect.each(
    Object.keys(readers).flatMap((reader) =>
      [0, 1, 100, 65_536, 65_537, 200_000].map((length) => [reader, length] as const)
    )
  )("keeps the whole body for %s after inspecting it, at %d characters", ([reader, length]) =>
    Effect.gen(function* () {
      const text = JSON.stringify("x".repeat(length))
      const { auth } = refreshableAuth(bodySaysExpired)
      const { client, mock } = yield* transport([respondStream(200, parts(text, 1000), json)])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect(yield* run(readers[reader]?.(response) ?? Effect.void)).toBe(text)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("keeps the error that interrupts the body", () =>
    Effect.gen(function* () {
      const broken = Stream.concat(parts("[1,", 1), Stream.fail(new Error("reset")))
      const { auth } = refreshableAuth(bodySaysExpired)
      const { client, mock } = yield* transport([respondStream(200, broken, json)])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect(yield* run(Effect.either(response.text))).toMatchObject({ _tag: "Left" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("leaves the body readable for verbs", () =>
    Effect.gen(function* () {
      const { auth } = refreshableAuth(bodySaysExpired)
      const { api: client } = yield* api([respondStream(200, parts(large, 999), json)], { auth })
      expect(yield* run(client.get("/x"))).toMatchObject({ status: 200 })
    })
  )

  it.effect("releases the connection when the reader stops early", () =>
    Effect.gen(function* () {
      const { auth } = refreshableAuth(bodySaysExpired)
      const { client, mock } = yield* transport([
        respondStream(200, Stream.concat(parts(large, 999), Stream.never), json)
      ])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      yield* run(Stream.runDrain(Stream.take(response.stream, 1)))
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("does not read the body without a rule", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([respondStream(200, Stream.never, json)])
      const response = yield* run(Auth.policy({ auth: Auth.none, origins: [base] })(client).execute(get()))
      expect([response.status, (yield* mock.released).length]).toEqual([200, 0])
    })
  )
})
