import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Auth from "@countersign/client/Auth"
import { TokenError } from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { api, base, failure, get, run, transport } from "./scripted.js"

const { respond, respondStream } = MockClient

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const json = { "content-type": "application/json" }

/** Numbered tokens, of which `renewals` replace the one before. */
const numbered = (
  expiredWhen: Auth.ExpiredWhen,
  renewals = Number.POSITIVE_INFINITY,
  more: Partial<Auth.Service> = {}
) => {
  const seen = { refusals: [] as Array<Auth.Rejection>, gaveUp: [] as Array<Auth.Rejection> }
  let token = 1
  const auth: Auth.Service = {
    sign: (request) =>
      Effect.sync(() => ({
        request: HttpClientRequest.setHeader(request, "x-secret", `canary-token-${token}`),
        credential: token
      })),
    onRejected: (refusal) =>
      Effect.sync(() => {
        seen.refusals.push(refusal)
        if (token > renewals) return false
        token++
        return true
      }),
    onReplayRejected: (refusal) => Effect.sync(() => void seen.gaveUp.push(refusal)),
    ...more
  }
  return { auth: Auth.withExpired(auth, expiredWhen), seen }
}

const saysExpired: Auth.ExpiredWhen = {
  status: [200, 302, 400, 403, 429],
  body: (text) => text.includes("token expired")
}

const secrets = (sent: ReadonlyArray<MockClient.Sent>) => sent.map(({ headers }) => headers["x-secret"])

const once = ["canary-token-1"]
const twice = ["canary-token-1", "canary-token-2"]

describe("a response that means expired credentials", () => {
  it.effect.each<readonly [string, Auth.ExpiredWhen, MockClient.Step, ReadonlyArray<string>]>([
    ["403 by its status", { status: 403 }, respond(403, "no"), twice],
    ["400 by its status, of several", { status: [403, 400] }, respond(400, "no"), twice],
    ["498 by its status", { status: 498 }, respond(498, ""), twice],
    ["302 by its status", { status: 302 }, respond(302, "", { location: "/login" }), twice],
    ["403 by its body", saysExpired, respond(403, { error: { message: "Access token expired" } }), twice],
    [
      "400 by its body, which comes in parts",
      saysExpired,
      respondStream(400, Stream.make(bytes("token "), bytes("expired"))),
      twice
    ],
    ["200 by its body", saysExpired, respond(200, { ok: false, error: "token expired" }), twice],
    [
      "200 by its body, which comes in parts",
      saysExpired,
      respondStream(200, Stream.make(bytes('"token '), bytes('expired"')), json),
      twice
    ],
    [
      "200 by its body, as problem+json",
      saysExpired,
      respond(200, '"token expired"', { "content-type": "application/problem+json; charset=utf-8" }),
      twice
    ],
    ["403 with another body", saysExpired, respond(403, "forbidden"), once],
    ["403 without a body", saysExpired, respond(403, ""), once],
    ["404, which is not one of the statuses", saysExpired, respond(404, "token expired"), once],
    ["200 by its status alone", { status: 200 }, respond(200, "ok"), once],
    ["200 that is no JSON", saysExpired, respond(200, "token expired", { "content-type": "text/plain" }), once],
    [
      "200 that is larger than is looked at",
      saysExpired,
      respond(200, { a: `token expired${"x".repeat(70_000)}` }),
      once
    ],
    ["429, which is a limit", saysExpired, respond(429, "token expired"), once],
    ["403, which is a limit", saysExpired, respond(403, "token expired", { "retry-after": "1" }), once],
    [
      "a look that throws",
      {
        status: 403,
        body: () => {
          throw new Error("canary")
        }
      },
      respond(403, "no"),
      once
    ],
    ["401 as ever", saysExpired, respond(401, ""), twice]
  ])("is %s", ([_, expiredWhen, step, expected]) =>
    Effect.gen(function* () {
      const { auth, seen } = numbered(expiredWhen)
      const { client, mock } = yield* transport([step, respond(200, "{}", json)])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect(secrets(yield* mock.sent)).toEqual(expected)
      expect(seen.refusals).toHaveLength(expected.length - 1)
      expect(response.status).toBe(expected === twice ? 200 : step._tag === "Respond" ? step.status : 0)
    })
  )

  it.effect.each<readonly [number, string]>([
    [403, "Forbidden"],
    [400, "ClientError"],
    [500, "Unavailable"]
  ])("twice gives the error of its status %d, after one renewal and one replay", ([status, tag]) =>
    Effect.gen(function* () {
      const { auth, seen } = numbered({ status })
      const { api: client, mock } = yield* api(() => respond(status, "no"), { auth, retry: false })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: tag, status })
      expect(secrets(yield* mock.sent)).toEqual(twice)
      expect(seen.refusals).toMatchObject([{ credential: 1, initialCredentialId: 1 }])
      expect(seen.gaveUp).toMatchObject([{ credential: 2, initialCredentialId: 1 }])
    })
  )

  it.effect("gives the error of its status where there are no other credentials", () =>
    Effect.gen(function* () {
      const { auth } = numbered({ status: 403 }, 0)
      const { api: client, mock } = yield* api(() => respond(403, "no"), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Forbidden" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("renews the credentials, and gives the error of its status, for a body that can be sent once", () =>
    Effect.gen(function* () {
      const { auth } = numbered({ status: 403 })
      const { api: client, mock } = yield* api([respond(403, "no"), respond(200)], { auth })
      const body = HttpBody.stream(Stream.make(bytes("once")))
      expect(yield* failure(client.post("/x", { body }))).toMatchObject({ _tag: "Forbidden" })
      yield* run(client.get("/x"))
      expect(secrets(yield* mock.sent)).toEqual(twice)
    })
  )

  it.effect("fails as the renewal does", () =>
    Effect.gen(function* () {
      const error = new TokenError({ reason: "ReauthorizationRequired", detail: "sign in" })
      const { auth } = numbered({ status: 400 }, 1, { onRejected: () => Effect.fail(error) })
      const { api: client } = yield* api([respond(400, "no")], { auth })
      expect(yield* failure(client.get("/x"))).toBe(error)
    })
  )

  it.effect("shares its one replay with a 401", () =>
    Effect.gen(function* () {
      for (const [first, second] of [
        [401, 403],
        [403, 401]
      ] as const) {
        const { auth } = numbered({ status: 403 })
        const { api: client, mock } = yield* api([respond(first), respond(second), respond(200)], { auth })
        const error = yield* failure(client.get("/x"))
        expect(error).toMatchObject({ status: second })
        expect(secrets(yield* mock.sent)).toEqual(twice)
      }
    })
  )

  it.effect("is stepped up first, where the scheme can", () =>
    Effect.gen(function* () {
      const { auth: stepping } = numbered({ status: 403 })
      const auth: Auth.Service = { ...stepping, onInsufficientScope: () => Effect.succeed(false) }
      const { api: client, mock } = yield* api(() => respond(403, "no"), { auth })
      expect(yield* failure(client.get("/x"))).toMatchObject({ _tag: "Forbidden" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("is not looked for at another origin", () =>
    Effect.gen(function* () {
      const { auth, seen } = numbered({ status: 403 })
      const { client } = yield* transport([respond(403, "no")])
      yield* run(Auth.policy({ auth, origins: ["https://other.test"] })(client).execute(get()))
      expect(seen.refusals).toEqual([])
    })
  )

  it.effect("hides the credentials that the last response quotes", () =>
    Effect.gen(function* () {
      const { auth } = numbered(saysExpired)
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

describe("a body that was looked at", () => {
  const large = JSON.stringify({ a: "x".repeat(200_000) })
  const parts = (text: string, size: number) =>
    Stream.fromIterable(
      Array.from({ length: Math.ceil(text.length / size) }, (_, n) => bytes(text.slice(n * size, (n + 1) * size)))
    )

  it.effect.each(
    Object.keys(readers).flatMap((reader) =>
      [0, 1, 100, 65_536, 65_537, 200_000].map((length) => [reader, length] as const)
    )
  )("is read whole by %s, of %d characters", ([reader, length]) =>
    Effect.gen(function* () {
      const text = JSON.stringify("x".repeat(length))
      const { auth } = numbered(saysExpired)
      const { client, mock } = yield* transport([respondStream(200, parts(text, 1000), json)])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect(yield* run(readers[reader]?.(response) ?? Effect.void)).toBe(text)
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("keeps the error that breaks it off", () =>
    Effect.gen(function* () {
      const broken = Stream.concat(parts("[1,", 1), Stream.fail(new Error("reset")))
      const { auth } = numbered(saysExpired)
      const { client, mock } = yield* transport([respondStream(200, broken, json)])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      expect(yield* run(Effect.either(response.text))).toMatchObject({ _tag: "Left" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("is decoded by the verbs as ever", () =>
    Effect.gen(function* () {
      const { auth } = numbered(saysExpired)
      const { api: client } = yield* api([respondStream(200, parts(large, 999), json)], { auth })
      expect(yield* run(client.get("/x"))).toMatchObject({ status: 200 })
    })
  )

  it.effect("lets its connection go if the reader stops early", () =>
    Effect.gen(function* () {
      const { auth } = numbered(saysExpired)
      const { client, mock } = yield* transport([
        respondStream(200, Stream.concat(parts(large, 999), Stream.never), json)
      ])
      const response = yield* run(Auth.policy({ auth, origins: [base] })(client).execute(get()))
      yield* run(Stream.runDrain(Stream.take(response.stream, 1)))
      expect(yield* mock.released).toHaveLength(1)
    })
  )

  it.effect("is not read at all by a scheme without a rule", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([respondStream(200, Stream.never, json)])
      const response = yield* run(Auth.policy({ auth: Auth.none, origins: [base] })(client).execute(get()))
      expect([response.status, (yield* mock.released).length]).toEqual([200, 0])
    })
  )
})
