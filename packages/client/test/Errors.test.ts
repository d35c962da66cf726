import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Cookies from "@countersign/client/Cookies"
import * as Errors from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { BufferedResponse, recordUnsignedRequest } from "../src/internal/response/clientResponse.js"
import { makeResponseRedactor } from "../src/internal/response/redactEchoedCredentials.js"
import { allRenderings } from "./support/allRenderings.js"
import { api, failure, run } from "./support/mockApi.js"

const { fail, never, respond, truncated } = MockClient
const canary = "c4n4ry"

/** A request and a response with a secret in every part. */
const secretsEverywhere: {
  readonly auth: Auth.Service
  readonly call: {
    readonly headers: Record<string, string>
    readonly query: Record<string, string>
    readonly json: unknown
  }
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
    onRejected: () => Effect.succeed(true)
  },
  call: {
    headers: { "x-api-key": canary, cookie: `own=${canary}` },
    query: { token: canary },
    json: { password: canary }
  },
  headers: { "set-cookie": `sid=${canary}; Path=/`, "x-session": canary, "content-type": "application/json" },
  body: { access_token: canary, nested: { secret: canary } }
}

describe("Errors with a secret in the request or response", () => {
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
      ).map(([status, tag]) => [
        String(status),
        { step: respond(status, secretsEverywhere.body, secretsEverywhere.headers), tag }
      ])
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
    shape: { step: respond(200, secretsEverywhere.body, secretsEverywhere.headers), tag: "InvalidResponse" },
    "no JSON": { step: respond(200, `<${canary}>`), tag: "InvalidResponse" }
  }

  for (const [name, { options, step, tag }] of Object.entries(cases)) {
    it.effect(`hides secrets in every rendering of ${tag} (${name})`, () =>
      Effect.gen(function* () {
        const { api: client, mock } = yield* api(() => step, {
          ...options,
          auth: secretsEverywhere.auth,
          headers: { "x-default": canary },
          timeout: { exchange: "1 second" }
        })
        const jar = yield* CookieJar.makeMemory
        yield* jar.store("https://api.test/", [`sid=${canary}; Path=/`])
        const schema = Schema.Struct({ access_token: Schema.Number, nested: Schema.Struct({ secret: Schema.Number }) })
        const error = yield* failure(client.post("/x", { ...secretsEverywhere.call, schema }))
        expect(error._tag).toBe(tag)
        for (const text of allRenderings(error)) expect(text).not.toContain(canary)
        // The request contained the secrets, so the error could have shown them.
        expect(JSON.stringify((yield* mock.sent)[0])).toContain(canary)

        const adapted = yield* Effect.exit(run(client.httpClient.post(`/x?token=${canary}`)))
        for (const text of allRenderings(adapted)) expect(text).not.toContain(canary)

        // The cookies of the jar are added last. A policy around the client does not change its errors.
        const over = yield* Effect.exit(run(Cookies.policy(jar)(client).execute(HttpClientRequest.post("/x"))))
        if (Exit.isFailure(over)) for (const text of allRenderings(over)) expect(text).not.toContain(canary)
      })
    )
  }

  it.effect("hides secrets in InvalidRequest", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([])
      for (const call of [
        client.get(`//evil.test/?k=${canary}`),
        client.get(`https://u:${canary}@api.test/v1/x`),
        client.get("/x", { headers: { authorization: `Bearer ${canary}\n` } }),
        client.post("/x", { json: { canary, big: 1n } }),
        client.post("/x", {
          json: { n: canary } as unknown as { n: number },
          jsonSchema: Schema.Struct({ n: Schema.Number })
        })
      ]) {
        const error = yield* failure(call)
        expect(error._tag).toBe("InvalidRequest")
        for (const text of allRenderings(error)) expect(text).not.toContain(canary)
      }
    })
  )

  it.effect("hides secrets in renderings of the response, which stays accessible", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => respond(404, secretsEverywhere.body, secretsEverywhere.headers), {
        auth: secretsEverywhere.auth
      })
      const error = yield* failure(client.post("/x", secretsEverywhere.call))
      if (error._tag !== "ClientError") throw error
      const response = error.response!
      expect([response.status, response.headers["x-session"], yield* response.json]).toEqual([
        404,
        canary,
        secretsEverywhere.body
      ])
      for (const text of allRenderings(response)) expect(text).not.toContain(canary)
      for (const text of allRenderings(response.request)) expect(text).not.toContain(canary)
    })
  )

  it.effect("hides secrets in errors of the platform's body readers", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api(() => respond(200, `{"access_token":"${canary}"`), {
        auth: secretsEverywhere.auth
      })
      const response = yield* run(client.post("/x", secretsEverywhere.call))
      const error = yield* failure(response.json)
      for (const text of allRenderings(error)) expect(text).not.toContain(canary)
    })
  )
})

describe("Errors with a credential that the API echoes", () => {
  const token = `eyJ${"Ab9-".repeat(10)}`
  const authWith = (put: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest) =>
    Auth.makeStaticEffect((request) => Effect.succeed(put(request)))
  const header = (name: string, value: string) => authWith(HttpClientRequest.setHeader(name, value))
  const schemes: Record<string, { readonly auth: Auth.Service; readonly secrets: ReadonlyArray<string> }> = {
    bearer: { auth: header("authorization", `Bearer ${token}`), secrets: [token] },
    "a custom header": { auth: header("x-team", token), secrets: [token] },
    "a custom header with a prefix": { auth: header("x-team", `Key=${token}`), secrets: [token] },
    basic: {
      auth: header("authorization", `Basic ${Buffer.from(`someone:${token}ü`).toString("base64")}`),
      secrets: [`${token}ü`, Buffer.from(`someone:${token}ü`).toString("base64")]
    },
    "an authorization parameter": { auth: header("authorization", `Custom a="b", proof="${token}"`), secrets: [token] },
    query: {
      auth: authWith(HttpClientRequest.setUrlParam("k", `${token}/ü`)),
      secrets: [`${token}/ü`, encodeURIComponent(`${token}/ü`)]
    },
    "a query in the URL": {
      auth: authWith((request) => HttpClientRequest.setUrl(request, `${request.url}?k=${token}`)),
      secrets: [token]
    },
    cookie: { auth: header("cookie", `a=1; session=${token}`), secrets: [token] }
  }
  const long = (secret: string) => `${"x".repeat(495)}${secret}`
  const echoingResponse = (status: number, secret: string) => {
    const echoed = `the token "${secret}" of ${secret}`
    return respond(
      status,
      { type: `https://a.test/${secret}`, title: echoed, detail: long(secret), instance: secret.toLowerCase() },
      {
        "content-type": "application/problem+json",
        "www-authenticate": [
          `Bearer realm="${secret}", error="insufficient_scope", scope="${secret}", error_description="x${secret}x"`,
          `Negotiate ${secret}`,
          `Key ${secret}="x", a="${[...secret].map((one) => `\\${one}`).join("")}"`
        ]
      }
    )
  }

  for (const [name, { auth, secrets }] of Object.entries(schemes)) {
    it.effect(`redacts a credential sent as ${name}`, () =>
      Effect.gen(function* () {
        for (const status of [401, 403, 404, 422, 429, 503]) {
          for (const secret of secrets) {
            const { api: client } = yield* api(() => echoingResponse(status, secret), {
              auth,
              retry: { statuses: [503] }
            })
            const error = yield* failure(client.get("/x"))
            const texts = allRenderings(error)
            for (const text of texts) expect(text.toLowerCase()).not.toContain(token.toLowerCase())
            // Also not the beginning of the credential, where a text is truncated.
            for (const text of texts) expect(text.toLowerCase()).not.toContain("xeyj")
            if (status !== 429) expect(texts.join("\n")).toContain("<redacted>")
          }
        }
      })
    )
  }

  const fields: Record<string, Readonly<Record<string, string>>> = {
    "an authorization header of the caller": { authorization: `token ${token}` },
    "an API key header of the caller": { "x-api-key": token },
    "a Cookie header of the caller": { cookie: `a=1; session=${token}` }
  }

  for (const [name, headers] of Object.entries(fields)) {
    it.effect(`redacts ${name}`, () =>
      Effect.gen(function* () {
        for (const status of [401, 403, 404, 422, 429, 503]) {
          const { api: client } = yield* api(() => echoingResponse(status, token), { auth: Auth.none, retry: false })
          for (const error of [
            yield* failure(client.get("/x", { headers })),
            yield* failure(client.execute(HttpClientRequest.get("/x", { headers })))
          ]) {
            const texts = allRenderings(error)
            for (const text of texts) expect(text.toLowerCase()).not.toContain(token.toLowerCase())
            if (status !== 429) expect(texts.join("\n")).toContain("<redacted>")
          }
        }
      })
    )
  }

  it.effect.each(["api_key", "key", "access_token", "client-secret", "X-Amz-Signature", "pwd"])(
    "redacts the query parameter %s of the caller",
    (name) =>
      Effect.gen(function* () {
        const { api: client } = yield* api(() => echoingResponse(422, token), { auth: Auth.none })
        for (const call of [client.get("/x", { query: { [name]: token } }), client.get(`/x?${name}=${token}`)])
          for (const text of allRenderings(yield* failure(call))) expect(text).not.toContain(token)
      })
  )

  it.effect("shows a query parameter that is no secret, such as a search", () =>
    Effect.gen(function* () {
      const script = () => respond(404, { message: "nothing found for a-long-keyword" })
      const { api: client } = yield* api(script, { auth: Auth.none })
      for (const name of ["keywords", "author", "q", "signal"]) {
        const error = yield* failure(client.get("/x", { query: { [name]: "a-long-keyword" } }))
        expect(error.message).toContain("nothing found for a-long-keyword")
      }
    })
  )

  it.effect("redacts a cookie of the jar", () =>
    Effect.gen(function* () {
      const jar = yield* CookieJar.makeMemory
      yield* jar.store("https://api.test/", [`session=${token}; Path=/`])
      const { api: client } = yield* api(() => echoingResponse(403, token), { auth: Auth.none, cookies: jar })
      const error = yield* failure(client.get("/x"))
      expect(allRenderings(error).join("\n")).toContain("<redacted>")
      for (const text of allRenderings(error)) expect(text).not.toContain(token)
    })
  )

  it.effect("passes the unredacted challenge to the Auth", () =>
    Effect.gen(function* () {
      const received: Array<Auth.Rejection> = []
      const auth: Auth.Service = {
        ...header("authorization", `Digest realm="the realm of all", response="${token}"`),
        onRejected: (rejection) => Effect.sync(() => received.push(rejection) === 0)
      }
      const challenge = `Digest realm="the realm of all", nonce="${token}"`
      const { api: client } = yield* api([respond(401, "", { "www-authenticate": challenge })], { auth })
      const error = yield* failure(client.get("/x"))
      expect(received.map(({ challenges }) => challenges[0]?.params["nonce"])).toEqual([token])
      expect(error).toMatchObject({ challenges: [{ params: { realm: "the realm of all", nonce: "<redacted>" } }] })
      if (error._tag === "Unauthorized") expect(error.challenges[0]?.params["constructor"]).toBeUndefined()
    })
  )

  it.effect("keeps texts that contain no credential", () =>
    Effect.gen(function* () {
      const auth = header("authorization", "Basic dXNlcjpwYXNz")
      const received = { title: "Wrong pass", detail: "İ accepts application/json of user only" }
      const { api: client } = yield* api([respond(422, received, { "content-type": "application/problem+json" })], {
        auth,
        headers: { accept: "application/json" }
      })
      expect(yield* failure(client.get("/x"))).toMatchObject({ problem: received })
    })
  )

  it("redacts texts that are longer in lower case", () => {
    const request = HttpClientRequest.get("https://api.test/")
    const signed = HttpClientRequest.setHeader(request, "x-team", token)
    const response = { status: 401, request: signed } as unknown as HttpClientResponse.HttpClientResponse
    recordUnsignedRequest(response, request)
    expect(makeResponseRedactor(response)(`İİ${token}`)).toBe("İİ<redacted>")
    expect(makeResponseRedactor(new BufferedResponse(response, new Uint8Array(0)))(token)).toBe("<redacted>")
    expect(makeResponseRedactor({ ...response })(token)).toBe(token)
  })

  it("never throws on random signed requests", () => {
    const text = FastCheck.oneof(FastCheck.string({ unit: "binary" }), FastCheck.string())
    FastCheck.assert(
      FastCheck.property(
        text,
        text,
        text,
        FastCheck.constantFrom("", "Basic ", "basic "),
        (url, value, echoed, scheme) => {
          const request = HttpClientRequest.get(`https://api.test/?${url}`)
          const signed = HttpClientRequest.get(`https://api.test/?${value}`).pipe(
            HttpClientRequest.setHeaders({ authorization: scheme + value, cookie: value }),
            HttpClientRequest.setUrlParam("k", value)
          )
          const response = { status: 401, request: signed } as unknown as HttpClientResponse.HttpClientResponse
          recordUnsignedRequest(response, request)
          expect(makeResponseRedactor(response)(echoed + echoed)).toBeTypeOf("string")
        }
      )
    )
  })
})

describe("Errors message", () => {
  const exchange = { method: "GET", url: "https://api.test/x", status: 400 }

  it("describes the failure and the action, per error class", () => {
    const retryAfter = Duration.seconds(90)
    const retryAt = DateTime.unsafeMake(0)
    const challenges = [{ scheme: "bearer", params: { realm: "r", error: "invalid_token" } }]
    const table: ReadonlyArray<readonly [Error, string]> = [
      [
        new Errors.Unauthorized({ ...exchange, challenges: [], reason: "NoCredentials" }),
        "GET https://api.test/x answered 400: this client sends no credentials to that origin. Set the option `auth`, or add the origin to `origins`."
      ],
      [
        new Errors.Unauthorized({ ...exchange, challenges, reason: "Rejected" }),
        'GET https://api.test/x answered 400 with the challenge bearer (realm "r", invalid_token): the server rejected the credentials. Sign in again, or check them.'
      ],
      [
        new Errors.Unauthorized({
          ...exchange,
          challenges: Array.from({ length: 7000 }, () => ({ scheme: "x", params: {} })),
          reason: "Rejected"
        }),
        "GET https://api.test/x answered 400 with the challenges x, x, x, x, x and 6995 more: the server rejected the credentials. Sign in again, or check them."
      ],
      [
        new Errors.Forbidden({ ...exchange, challenges: [], scope: "repo" }),
        'GET https://api.test/x answered 400: access denied. Request access for the scope "repo".'
      ],
      [
        new Errors.RateLimited({ ...exchange, retryAfter, retryAt }),
        "GET https://api.test/x answered 400: the server asked to wait. Try again in 1m 30s, at 1970-01-01T00:00:00.000Z."
      ],
      [
        new Errors.RateLimited({ ...exchange, status: 503, retryAfter, retryAt }),
        "GET https://api.test/x answered 503: the server asked to wait. Try again in 1m 30s, at 1970-01-01T00:00:00.000Z."
      ],
      ...[403, 413, 429].map(
        (status) =>
          [
            new Errors.RateLimited({ ...exchange, status }),
            `GET https://api.test/x answered ${status}: the server limits requests. The server names no time to try again.`
          ] as const
      ),
      [
        new Errors.RateLimited({ ...exchange, retryAfter, retryAt, source: "throttle" }),
        "GET https://api.test/x was not sent: the server answered another request with 400, so all requests to it wait. If it limits each route, use `RateLimit.perRoute`. Try again in 1m 30s, at 1970-01-01T00:00:00.000Z."
      ],
      [
        new Errors.RateLimited({ ...exchange, retryAfter, retryAt, source: "clientLimit" }),
        "GET https://api.test/x was not sent: a rate limit of this client is reached. Try again in 1m 30s, at 1970-01-01T00:00:00.000Z."
      ],
      [
        new Errors.Unavailable(exchange),
        "GET https://api.test/x answered 400: the server cannot handle the request now. Try again later."
      ],
      [
        new Errors.ClientError({ ...exchange, problem: { title: "Bad\nrequest" } }),
        'GET https://api.test/x answered 400: "Bad\\u{a}request"'
      ],
      [
        new Errors.ClientError({ ...exchange, serverMessage: "Not Found" }),
        'GET https://api.test/x answered 400: "Not Found"'
      ],
      [
        new Errors.Unauthorized({ ...exchange, challenges, reason: "Rejected", serverMessage: "Bad credentials" }),
        'GET https://api.test/x answered 400 with the challenge bearer (realm "r", invalid_token): "Bad credentials". The server rejected the credentials. Sign in again, or check them.'
      ],
      [
        new Errors.Forbidden({ ...exchange, challenges: [], serverMessage: "No access." }),
        'GET https://api.test/x answered 400: "No access." Request access.'
      ],
      [
        new Errors.RateLimited({ ...exchange, status: 429, serverMessage: "Slow down" }),
        'GET https://api.test/x answered 429: "Slow down". The server names no time to try again.'
      ],
      [
        new Errors.Unavailable({ ...exchange, serverMessage: "Maintenance\u001b" }),
        'GET https://api.test/x answered 400: "Maintenance\\u{1b}". Try again later.'
      ],
      [
        new Errors.TransportError({
          method: "GET",
          url: "u",
          reason: "ConnectionRefused",
          sent: "no",
          code: "ECONNREFUSED"
        }),
        "GET u failed: the connection was refused (ECONNREFUSED). Check the host and the port."
      ],
      [
        new Errors.Timeout({ method: "GET", url: "u", scope: "call", after: Duration.seconds(5) }),
        "GET u timed out: the call took longer than 5s. Raise `timeout.call`, or check the server."
      ],
      [
        new Errors.RedirectRejected({ ...exchange, reason: "Downgrade", location: "http://a.test/" }),
        "GET https://api.test/x answered 400 with a redirect to http://a.test/, which was not followed: it leads from https to http."
      ],
      [
        new Errors.BodyTooLarge({ method: "GET", url: "u", limit: 5 }),
        "GET u failed: the response body is larger than 5 bytes. Raise `maxBodySize`, or stream the body."
      ],
      [new Errors.InvalidRequest({ reason: "Url", detail: "d" }), "The request was not sent: d"],
      [
        new Errors.InvalidResponse({ ...exchange, reason: "Json", mismatches: [] }),
        "GET https://api.test/x answered 400: the body is not JSON"
      ],
      [
        new Errors.InvalidResponse({
          ...exchange,
          reason: "Schema",
          mismatches: [{ path: "$.a", expected: "number" }]
        }),
        "GET https://api.test/x answered 400: the body does not match the schema: at $.a, expected number"
      ]
    ]
    for (const [error, message] of table) expect(error.message).toBe(message)
  })

  it("stays on one line and short for a hostile realm", () => {
    const hostile = "\u001b[31m\r\n" + "x".repeat(5000)
    const challenges = [{ scheme: "bearer", params: { realm: hostile, error: hostile } }]
    const error = new Errors.Unauthorized({ ...exchange, challenges, reason: "Rejected" })
    // eslint-disable-next-line no-control-regex -- the test checks for control characters.
    expect(error.message).not.toMatch(/[\u0000-\u001f]/)
    expect(error.message.length).toBeLessThan(400)
  })

  it("has no response when no response caused the error", () => {
    expect(new Errors.ClientError(exchange).response).toBeUndefined()
    expect(new Errors.RateLimited(exchange).response).toBeUndefined()
    expect(Object.keys(new Errors.ClientError(exchange))).not.toContain("response")
  })
})
