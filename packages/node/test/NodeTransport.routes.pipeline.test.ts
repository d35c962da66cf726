/** A client over each route to an origin: redirects, cookies, codings, a replayed 401, HEAD and statuses without content. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CookieJar from "@countersign/client/CookieJar"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { certificates } from "./support/certificates.js"
import { recorder } from "./support/recorder.js"
import { hasSquid } from "./support/squid.js"
import type { Route } from "./support/routes.js"
import { directRoute, squidRoutes, transportOf, routes } from "./support/routes.js"

const large = "countersign ".repeat(20_000)

const respond = ({ headers, url }: IncomingMessage, response: ServerResponse) => {
  switch (url) {
    case "/redirect":
      return response.writeHead(302, { location: "/final?a=1", "set-cookie": ["a=1; Path=/", "b=2; Path=/"] }).end("x")
    case "/307":
      return response.writeHead(307, { location: "/final" }).end()
    case "/gzip":
      return response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(large))
    case "/br":
      return response.writeHead(200, { "content-encoding": "br" }).end(brotliCompressSync(large))
    case "/guarded":
      return headers.authorization === "Bearer fresh"
        ? response.end("open")
        : response.writeHead(401, { "www-authenticate": "Bearer" }).end("no")
    case "/204":
      return response.writeHead(204).end()
    case "/404":
      return response.writeHead(404, { "content-type": "text/plain" }).end("not here")
    default:
      return response.writeHead(200, { "content-length": large.length }).end(large)
  }
}

/** The credentials of the first request are rejected, and those of its replay are not. */
const refreshing = (): Auth.Service => {
  const tokens = ["stale", "fresh"]
  let credential = 0
  return {
    sign: (request) =>
      Effect.sync(() => ({ request: HttpClientRequest.bearerToken(request, tokens[credential] ?? ""), credential })),
    onRejected: () => Effect.sync(() => ++credential < tokens.length)
  }
}

/** What the client returns, and what the origin received. */
const observe = (route: Route) =>
  Effect.gen(function* () {
    const origin = yield* recorder(respond, route)
    const transport = yield* transportOf(route)
    const seen = yield* Effect.gen(function* () {
      const api = yield* ApiClient.make({ baseUrl: origin.url, auth: Auth.none, cookies: CookieJar.layerMemory })
      const guarded = yield* ApiClient.make({ baseUrl: origin.url, auth: refreshing() })
      const text = (path: string) => Effect.flatMap(api.get(path), (response) => response.text)
      const error = yield* Effect.flip(api.get("/404"))
      return {
        redirect: (yield* text("/redirect")) === large,
        kept: (yield* Effect.flatMap(api.put("/307", { json: { a: 1 } }), (response) => response.text)) === large,
        gzip: (yield* text("/gzip")) === large,
        br: (yield* text("/br")) === large,
        replayed: yield* Effect.flatMap(guarded.post("/guarded", { json: { a: 1 } }), (response) => response.text),
        empty: yield* text("/204"),
        head: (yield* api.head("/final")).headers["content-length"],
        error: [error._tag, "status" in error ? error.status : undefined]
      }
    }).pipe(Effect.provide(transport))
    return { seen, requests: origin.requests }
  }).pipe(Effect.scoped)

const direct = Effect.runSync(Effect.cached(observe(directRoute)))

describe("ApiClient", () => {
  it.live("reads responses, follows redirects, keeps cookies and replays a 401 without a proxy", () =>
    Effect.gen(function* () {
      const { requests, seen } = yield* direct
      expect(seen).toEqual({
        redirect: true,
        kept: true,
        gzip: true,
        br: true,
        replayed: "open",
        empty: "",
        head: String(large.length),
        error: ["ClientError", 404]
      })
      const of = (line: string) => requests.filter((request) => request.line === line)
      expect(of("GET /final?a=1")[0]?.fields).toContain("cookie: a=1; b=2")
      expect(of("PUT /final")[0]).toMatchObject({ body: '{"a":1}' })
      expect(of("POST /guarded").map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}'])
    })
  )

  for (const [name, route] of Object.entries(routes)) {
    it.live(`gives the same results ${name}`, () =>
      Effect.gen(function* () {
        expect(yield* observe(route)).toEqual(yield* direct)
      })
    )
  }

  for (const [name, route] of Object.entries(squidRoutes)) {
    it.live.skipIf(!hasSquid || certificates === undefined)(`gives the same results ${name}`, () =>
      Effect.gen(function* () {
        expect(yield* observe(route)).toEqual(yield* direct)
      })
    )
  }
})
