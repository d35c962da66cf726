import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as ApiClient from "@countersign/client/ApiClient"
import type * as Auth from "@countersign/client/Auth"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Cookies from "@countersign/client/Cookies"
import * as Errors from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { api, failure, run } from "./scripted.js"

const { fail, never, respond, truncated } = MockClient
const canary = "c4n4ry"

/** Every way that a value reaches a log. */
const printings = (value: unknown): ReadonlyArray<string> => {
  const texts = [
    String(value),
    JSON.stringify(value) ?? "",
    JSON.stringify({ ...(value as object) }),
    inspect(value, { depth: 20, showHidden: true }),
    inspect({ ...(value as object) }, { depth: 20, showHidden: true }),
    Inspectable.format(value),
    Inspectable.toStringUnknown(value),
    Cause.pretty(Cause.fail(value), { renderErrorCause: true }),
    inspect(Cause.fail(value), { depth: 20, showHidden: true }),
    JSON.stringify(Exit.fail(value)),
    Logger.stringLogger.log(logOptions(value)),
    JSON.stringify(Logger.structuredLogger.log(logOptions(value)))
  ]
  if (value instanceof Error) {
    texts.push(value.message, value.stack ?? "", inspect(value.cause, { depth: 20, showHidden: true }))
    texts.push(inspect(structuredClone(value), { depth: 20, showHidden: true }))
    for (const key of Reflect.ownKeys(value))
      texts.push(inspect(Reflect.get(value, key), { depth: 20, showHidden: true }))
  }
  return texts
}

const logOptions = (message: unknown): Logger.Logger.Options<unknown> => {
  let options: Logger.Logger.Options<unknown> | undefined
  const capture = Logger.make<unknown, void>((given) => {
    options = given
  })
  Effect.runSync(
    Effect.log(message, Cause.fail(message)).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, capture)))
  )
  if (options === undefined) throw new Error("nothing was logged")
  return options
}

/** A request with a secret in every place that a request has, and an answer with one in every place of an answer. */
const secretive: {
  readonly auth: Auth.Service
  readonly call: Record<string, unknown>
  readonly headers: MockClient.Headers
  readonly body: unknown
} = {
  auth: {
    sign: (request) =>
      Effect.succeed({
        request: request.pipe(
          HttpClientRequest.setHeader("authorization", `Bearer ${canary}`),
          HttpClientRequest.setUrlParam("api_key", canary)
        ),
        credential: 0
      }),
    renew: () => Effect.succeed(true)
  },
  call: {
    headers: { "x-api-key": canary, cookie: `own=${canary}` },
    urlParams: { token: canary },
    json: { password: canary }
  },
  headers: { "set-cookie": `sid=${canary}; Path=/`, "x-session": canary, "content-type": "application/json" },
  body: { access_token: canary, nested: { secret: canary } }
}

describe("no error shows a secret", () => {
  const cases: Record<
    string,
    { readonly step: MockClient.Step; readonly tag: string; readonly options?: Partial<ApiClient.Options> }
  > = {
    ...Object.fromEntries(
      (
        [
          [400, "ClientError"],
          [401, "Unauthorized"],
          [403, "Forbidden"],
          [404, "ClientError"],
          [429, "RateLimited"],
          [503, "Unavailable"]
        ] as const
      ).map(([status, tag]) => [String(status), { step: respond(status, secretive.body, secretive.headers), tag }])
    ),
    problem: {
      step: respond(422, { title: "Invalid", secret: canary }, { "content-type": "application/problem+json" }),
      tag: "ClientError"
    },
    redirect: {
      step: respond(302, canary, { location: `https://u:${canary}@evil.test/?code=${canary}#${canary}` }),
      tag: "RedirectRejected"
    },
    reset: { step: fail("ECONNRESET", canary), tag: "TransportError" },
    truncated: { step: truncated(200, canary), tag: "TransportError" },
    silence: { step: never, tag: "Timeout" },
    large: { step: respond(200, canary.repeat(100)), tag: "BodyTooLarge", options: { maxBodySize: 10 } },
    shape: { step: respond(200, secretive.body, secretive.headers), tag: "InvalidResponse" },
    "no JSON": { step: respond(200, `<${canary}>`), tag: "InvalidResponse" }
  }

  for (const [name, { options, step, tag }] of Object.entries(cases)) {
    it.effect(`${name}: ${tag}, in no printing, with the cookies of a session`, () =>
      Effect.gen(function* () {
        const { api: client, mock } = yield* api(() => step, {
          ...options,
          auth: secretive.auth,
          headers: { "x-default": canary },
          timeout: { exchange: "1 second" }
        })
        const jar = yield* CookieJar.makeMemory
        yield* jar.store("https://api.test/", [`sid=${canary}; Path=/`])
        const schema = Schema.Struct({ access_token: Schema.Number, nested: Schema.Struct({ secret: Schema.Number }) })
        const error = yield* failure(client.post("/x", { ...secretive.call, schema }))
        expect(error._tag).toBe(tag)
        for (const text of printings(error)) expect(text).not.toContain(canary)
        // The secrets were there to be shown.
        expect(JSON.stringify((yield* mock.sent)[0])).toContain(canary)

        const adapted = yield* Effect.exit(run(client.httpClient.post(`/x?token=${canary}`)))
        for (const text of printings(adapted)) expect(text).not.toContain(canary)

        // Cookies of the jar are put on last; a policy of one's own over the client changes nothing about its errors.
        const over = yield* Effect.exit(run(Cookies.policy(jar)(client).execute(HttpClientRequest.post("/x"))))
        if (Exit.isFailure(over)) for (const text of printings(over)) expect(text).not.toContain(canary)
      })
    )
  }

  it.effect("a request that is refused before it is sent", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([])
      for (const asked of [
        client.get(`//evil.test/?k=${canary}`),
        client.get(`https://u:${canary}@api.test/v1/x`),
        client.get("/x", { headers: { authorization: `Bearer ${canary}\n` } }),
        client.post("/x", { json: { canary, big: 1n } }),
        client.post("/x", {
          json: { n: canary } as unknown as { n: number },
          jsonSchema: Schema.Struct({ n: Schema.Number })
        })
      ]) {
        const error = yield* failure(asked)
        expect(error._tag).toBe("InvalidRequest")
        for (const text of printings(error)) expect(text).not.toContain(canary)
      }
    })
  )

  it.effect("its response, which is within reach", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => respond(404, secretive.body, secretive.headers), {
        auth: secretive.auth
      })
      const error = yield* failure(client.post("/x", secretive.call))
      if (error._tag !== "ClientError") throw error
      const response = error.response!
      expect([response.status, response.headers["x-session"], yield* response.json]).toEqual([
        404,
        canary,
        secretive.body
      ])
      for (const text of printings(response)) expect(text).not.toContain(canary)
      for (const text of printings(response.request)) expect(text).not.toContain(canary)
    })
  )

  it.effect("a body that fails to decode again, by the platform's own readers", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => respond(200, `{"access_token":"${canary}"`), { auth: secretive.auth })
      const response = yield* run(client.post("/x", secretive.call))
      const error = yield* failure(response.json)
      for (const text of printings(error)) expect(text).not.toContain(canary)
    })
  )
})

describe("messages", () => {
  const exchange = { method: "GET", url: "https://api.test/x", status: 400 }

  it("say what happened and what to do", () => {
    const retryAfter = Duration.seconds(90)
    const retryAt = DateTime.unsafeMake(0)
    const challenges = [{ scheme: "bearer", params: { realm: "r", error: "invalid_token" } }]
    const table: ReadonlyArray<readonly [Error, string]> = [
      [
        new Errors.Unauthorized({ ...exchange, challenges: [], because: "NoCredentials" }),
        "GET https://api.test/x answered 400; this client sends no credentials there: give it an Auth layer"
      ],
      [
        new Errors.Unauthorized({ ...exchange, challenges, because: "Refused" }),
        'GET https://api.test/x answered 400; it asks for bearer (realm "r", invalid_token); the credentials were refused: sign in again, or check them'
      ],
      [
        new Errors.Forbidden({ ...exchange, challenges: [], scope: "repo" }),
        'GET https://api.test/x answered 400; ask for access for the scope "repo"'
      ],
      [
        new Errors.RateLimited({ ...exchange, retryAfter, retryAt }),
        "GET https://api.test/x answered 400; come back in 1m 30s, at 1970-01-01T00:00:00.000Z"
      ],
      [new Errors.RateLimited(exchange), "GET https://api.test/x answered 400; it does not say when to come back"],
      [
        new Errors.RateLimited({ ...exchange, retryAfter, retryAt, by: "hold" }),
        "GET https://api.test/x was held back by this client: the server answered 400 to another request; come back in 1m 30s, at 1970-01-01T00:00:00.000Z"
      ],
      [
        new Errors.RateLimited({ ...exchange, retryAfter, retryAt, by: "limit" }),
        "GET https://api.test/x was held back by this client: a limit of its own is reached; come back in 1m 30s, at 1970-01-01T00:00:00.000Z"
      ],
      [new Errors.Unavailable(exchange), "GET https://api.test/x answered 400; try again later"],
      [
        new Errors.ClientError({ ...exchange, problem: { title: "Bad\n" } }),
        "GET https://api.test/x answered 400: Bad\\u{a}"
      ],
      [
        new Errors.TransportError({
          method: "GET",
          url: "u",
          reason: "ConnectionRefused",
          sent: "no",
          code: "ECONNREFUSED"
        }),
        "GET u: nothing listens there: check the host and the port (ECONNREFUSED)"
      ],
      [
        new Errors.Timeout({ method: "GET", url: "u", scope: "call", after: Duration.seconds(5) }),
        "GET u: the call took longer than 5s"
      ],
      [
        new Errors.RedirectRejected({ ...exchange, reason: "Downgrade", location: "http://a.test/" }),
        "GET https://api.test/x answered 400 with a redirect to http://a.test/: it leads from https to http"
      ],
      [
        new Errors.BodyTooLarge({ method: "GET", url: "u", limit: 5 }),
        "GET u: the answer is larger than 5 bytes; raise maxBodySize, or stream it"
      ],
      [new Errors.InvalidRequest({ reason: "Url", detail: "d" }), "The request was not sent: d"],
      [
        new Errors.InvalidResponse({ ...exchange, reason: "Json", mismatches: [] }),
        "GET https://api.test/x answered 400; the body is not JSON"
      ],
      [
        new Errors.InvalidResponse({
          ...exchange,
          reason: "Schema",
          mismatches: [{ path: "$.a", expected: "number" }]
        }),
        "GET https://api.test/x answered 400; the body is not of the expected shape: at $.a, expected number"
      ],
      [
        new Errors.TokenError({ reason: "Refused", detail: "d", error: "invalid_client" }),
        "There is no token to send: d"
      ],
      [new Errors.TokenStoreError({ reason: "Busy", detail: "d" }), "The token store failed: d"]
    ]
    for (const [error, message] of table) expect(error.message).toBe(message)
  })

  it("hold one line, whatever the server's realm says", () => {
    const hostile = "\u001b[31m\r\n" + "x".repeat(5000)
    const challenges = [{ scheme: "bearer", params: { realm: hostile, error: hostile } }]
    const error = new Errors.Unauthorized({ ...exchange, challenges, because: "Refused" })
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for.
    expect(error.message).not.toMatch(/[\u0000-\u001f]/)
    expect(error.message.length).toBeLessThan(400)
  })

  it("an error that no answer made has no response", () => {
    expect(new Errors.ClientError(exchange).response).toBeUndefined()
    expect(new Errors.RateLimited(exchange).response).toBeUndefined()
    expect(Object.keys(new Errors.ClientError(exchange))).not.toContain("response")
  })
})
