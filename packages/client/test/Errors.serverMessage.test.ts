import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import type { ClientError, Forbidden, RateLimited, Unauthorized, Unavailable } from "@countersign/client/Errors"
import * as Retry from "@countersign/client/Retry"
import * as Status from "@countersign/client/Status"
import * as Transport from "@countersign/client/Transport"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { allRenderings } from "./support/allRenderings.js"
import { api, failure, get, transport, withJitter } from "./support/mockApi.js"

const { respond } = MockClient

type StatusError = Unauthorized | Forbidden | RateLimited | Unavailable | ClientError

const token = `eyJ${"Ab9-".repeat(10)}`

const auth = Auth.makeStaticEffect((request) => Effect.succeed(HttpClientRequest.bearerToken(request, token)))

/** The error of a call with an error status. The script makes no other error. */
const statusError = (step: MockClient.Step, options: Parameters<typeof api>[1] = { retry: false }) =>
  Effect.flatMap(
    api(() => step, options),
    ({ api: client }) => failure(client.get("/x"))
  ) as Effect.Effect<StatusError>

const json = (contentType: string) => ({ "content-type": contentType })

describe("serverMessage of an error", () => {
  it.effect("quotes the server's words in the message of each error of a status", () =>
    Effect.gen(function* () {
      const rows: ReadonlyArray<readonly [number, string]> = [
        [422, 'answered 422: "Validation Failed"'],
        [
          401,
          'answered 401: "Validation Failed". This client sends no credentials to that origin. Set the option `auth`, or add the origin to `origins`.'
        ],
        [403, 'answered 403: "Validation Failed". Request access.'],
        [429, 'answered 429: "Validation Failed". The server names no time to try again.'],
        [503, 'answered 503: "Validation Failed". Try again later.']
      ]
      for (const [status, text] of rows) {
        const error = yield* statusError(respond(status, { message: "Validation Failed" }))
        expect(error.message).toBe(`GET https://api.test/v1/x ${text}`)
        expect(error.serverMessage).toBe("Validation Failed")
      }
    })
  )

  it.effect.each<readonly [string, unknown, string | undefined, string | undefined]>([
    ["JSON", { message: "words" }, "application/json; charset=utf-8", "words"],
    ["JSON of a vendor", { message: "words" }, "application/vnd.api+json", "words"],
    ["JSON as text/plain", { message: "words" }, "text/plain", "words"],
    ["JSON as text/html", { message: "words" }, "text/html", "words"],
    ["JSON without a content type", { message: "words" }, undefined, "words"],
    [
      "problem details",
      { title: "Out of credit", detail: "30 < 50" },
      "application/problem+json",
      "Out of credit: 30 < 50"
    ],
    ["problem details with another shape", { message: "words" }, "application/problem+json", "words"],
    ["plain text", "  words\nat line 1", "text/plain; charset=utf-8", "words"],
    ["HTML", "<h1>Bad Gateway</h1>", "text/html", undefined],
    ["HTML as text/plain", "<h1>Bad Gateway</h1>", "text/plain", undefined],
    ["text that is declared as HTML", "words", "text/html", undefined],
    ["text of another type", "words", "application/octet-stream", undefined],
    ["invalid JSON", '{"message":"words"', "application/json", undefined],
    ["a JSON number as text/plain", "404", "text/plain", undefined],
    ["an empty body", undefined, "application/json", undefined]
  ])("reads %s", ([_name, body, contentType, words]) =>
    Effect.gen(function* () {
      const headers = contentType === undefined ? {} : json(contentType)
      const error = yield* statusError(respond(404, typeof body === "object" ? JSON.stringify(body) : body, headers))
      expect(error.serverMessage).toBe(words)
      expect(error.message).toBe(`GET https://api.test/v1/x answered 404${words === undefined ? "" : `: "${words}"`}`)
    })
  )

  it.effect("has one line of at most 200 characters without control characters", () =>
    Effect.gen(function* () {
      for (const text of ["a\n\n\tb\u001b[31m\u202e", `${"x".repeat(400)}\n`, "€".repeat(20_000)]) {
        const error = yield* statusError(respond(404, { message: text }))
        expect(error.serverMessage?.length).toBeLessThanOrEqual(200)
        expect(error.message).not.toMatch(/[\p{Cc}\u202e]/u)
        expect(error.message.length).toBeLessThan(250)
      }
      expect((yield* statusError(respond(404, { message: "a\n\n\tb\u001b" }))).serverMessage).toBe("a b\\u{1b}")
    })
  )

  it.effect("hides the credentials of the call, also where the text is cut", () =>
    Effect.gen(function* () {
      for (const [body, headers] of [
        [{ message: `the token ${token} is bad` }, json("application/json")],
        [{ errors: [`${"x".repeat(190)}${token}`] }, json("application/json")],
        [{ error: { message: token.toUpperCase() } }, json("application/json")],
        [`bad token: ${token}`, json("text/plain")]
      ] as const) {
        for (const status of [401, 403, 404, 429, 503]) {
          const error = yield* statusError(respond(status, body, headers), { auth, retry: { statuses: [503] } })
          expect(error.serverMessage).toContain("<redacted")
          for (const text of allRenderings(error))
            expect(text.toLowerCase()).not.toContain(token.slice(0, 12).toLowerCase())
        }
      }
    })
  )

  it.effect("ignores a body of more than 64 KiB", () =>
    Effect.gen(function* () {
      const large = { message: "words", more: "x".repeat(70_000) }
      const streamed = yield* statusError(respond(404, large))
      const { client } = yield* transport(() => respond(404, large))
      const buffered = Status.policy(Transport.bufferBodies(1_000_000, () => true)(client))
      for (const error of [streamed, (yield* failure(buffered.execute(get()))) as StatusError]) {
        expect([error._tag, error.serverMessage, error.body]).toEqual(["ClientError", undefined, undefined])
      }
    })
  )

  it.effect("appears in an error that an inner policy made", () =>
    Effect.gen(function* () {
      const { client } = yield* transport(() => respond(503, { error: "down" }, { "retry-after": "0" }))
      const unavailable = yield* failure(Status.policy(Retry.policy()(client)).execute(get())).pipe(withJitter(0))
      expect(unavailable).toMatchObject({ _tag: "Unavailable", serverMessage: "down", body: { error: "down" } })
      const asked = yield* statusError(respond(503, { message: "maintenance" }, { "retry-after": "9000" }), {})
      expect(asked.message).toMatch(/answered 503: "maintenance"\. Try again in 2h 30m, at /)
      expect(asked).toMatchObject({ _tag: "RateLimited", source: "server", body: { message: "maintenance" } })
      const rejected = yield* statusError(respond(401, { message: "Bad credentials" }), { auth })
      expect(rejected.message).toBe(
        'GET https://api.test/v1/x answered 401: "Bad credentials". The server rejected the credentials. Sign in again, or check them.'
      )
      expect(rejected).toMatchObject({ _tag: "Unauthorized", reason: "Rejected", body: { message: "Bad credentials" } })
    })
  )
})

describe("body of an error", () => {
  it.effect("holds the parsed JSON, whatever the content type says, and undefined for anything else", () =>
    Effect.gen(function* () {
      for (const status of [400, 401, 403, 429, 500]) {
        const body = { message: "words", errors: [{ field: "id" }] }
        expect((yield* statusError(respond(status, body))).body).toEqual(body)
      }
      for (const [text, body] of [
        ["[1]", [1]],
        ["null", null],
        ["<html>", undefined],
        ["", undefined],
        ['{"a":', undefined]
      ] as const) {
        expect((yield* statusError(respond(404, text, json("text/plain")))).body).toEqual(body)
      }
    })
  )

  it.effect("appears in no rendering of the error", () =>
    Effect.gen(function* () {
      for (const status of [400, 401, 403, 429, 500]) {
        const error = yield* statusError(respond(status, { message: "words", secret: "c4n4ry" }))
        expect(error.body).toEqual({ message: "words", secret: "c4n4ry" })
        expect(Reflect.ownKeys(error)).not.toContain("body")
        for (const text of allRenderings(error)) expect(text).not.toContain("c4n4ry")
      }
    })
  )

  it.effect("accepts nesting as deep as 64 KiB permit", () =>
    Effect.gen(function* () {
      for (const text of ["[".repeat(32_000) + "]".repeat(32_000), `${'{"error":'.repeat(6000)}1${"}".repeat(6000)}`]) {
        const error = yield* statusError(respond(404, text))
        expect(error.body).toBeTypeOf("object")
        expect(error.message).toBe("GET https://api.test/v1/x answered 404")
        allRenderings(error)
      }
    })
  )
})
