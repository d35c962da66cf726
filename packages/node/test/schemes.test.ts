/**
 * Every scheme under redirects, retries, replays and links: no credential and no signature over another request reaches a server.
 * Verifiers of other authors check each request as it arrived.
 */
import * as Paginate from "@countersign/client/Paginate"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestContext from "effect/TestContext"
import { credentials } from "./schemes/credentials.js"
import type { Answer, Row } from "./schemes/exchange.js"
import { check, checkOwn, exchange } from "./schemes/exchange.js"
import { keys } from "./schemes/keys.js"
import type { Received } from "./schemes/received.js"
import { signatures } from "./schemes/signatures.js"

const schemes = [...credentials, ...signatures, ...keys]

const { respond } = MockClient

const ok = respond(200, { ok: true })

type Call = Row["call"]

const get: Call = (api) => api.get("/a%20b/c?q='x'&r=%2B+1", { query: { s: "ü" } })
const post: Call = (api) => api.post("/orders?q=1", { json: { text: "ü" } })
const put: Call = (api) => api.put("/orders/1", { json: { text: "ü" } })

/** Targets of redirects. `echo` repeats the query of the request, as web servers do that move a site. */
const targets: Readonly<Record<string, (from: Received) => string>> = {
  "another path": () => "/other/path?z=1",
  "another path with the same query": ({ url }) => `/other${new URL(url).search}#part`,
  "another own origin": () => "https://files.test/x?y=1",
  "another own origin with the same query": ({ url }) => `https://files.test/x${new URL(url).search}`,
  "another origin": () => "https://other.test/x?y=1",
  "another origin with the same query": ({ url }) => `https://other.test/x${new URL(url).search}`,
  "a subdomain": () => "https://sub.api.test/x",
  "another port": ({ url }) => `https://api.test:8443/x${new URL(url).search}`,
  http: ({ url }) => `http://api.test/x${new URL(url).search}`
}

type Hop = readonly [status: number, to: (from: Received) => string]

/** Redirects in order, and then a success. */
const redirecting =
  (hops: ReadonlyArray<Hop>): Answer =>
  (received, index) => {
    const hop = hops[index]
    return hop === undefined ? ok : respond(hop[0], "", { location: hop[1](received) })
  }

const statuses = [301, 302, 303, 307, 308]

/** The statuses that matter for each method: a PUT is treated by 301 and 302 as by 307 and 308. */
const changes: ReadonlyArray<readonly [call: Call, statuses: ReadonlyArray<number>, crossOriginBody: boolean]> = [
  [get, statuses, false],
  [post, statuses, true],
  [post, [308], false],
  [put, [302, 303], true]
]

const redirectRows: ReadonlyArray<Row> = changes.flatMap(([call, codes, crossOriginBody]) =>
  codes.flatMap((status) =>
    Object.values(targets).map((to) => ({ call, answer: redirecting([[status, to]]), redirects: { crossOriginBody } }))
  )
)

const chain: Row = {
  call: get,
  answer: redirecting(
    [
      "another path with the same query",
      "another own origin with the same query",
      "another origin with the same query"
    ].map((name) => [302, targets[name] ?? expect.fail(name)])
  )
}

describe("redirects", () => {
  it.scoped.each(schemes)("$name: signs each hop to an own origin, and sends nothing of it to another one", (scheme) =>
    Effect.forEach([...redirectRows, chain], (row) => check(scheme, row), { discard: true })
  )

  it.scoped("sends no credentials over any chain of redirects to another origin", () =>
    Effect.promise(async () => {
      const hop = FastCheck.tuple(
        FastCheck.constantFrom(...statuses),
        FastCheck.constantFrom(...Object.values(targets))
      )
      await FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.constantFrom(...schemes),
          FastCheck.constantFrom(get, post, put),
          FastCheck.array(hop, { minLength: 2, maxLength: 5 }),
          FastCheck.boolean(),
          async (scheme, call, hops, crossOriginBody) => {
            const row: Row = { call, answer: redirecting(hops), redirects: { crossOriginBody } }
            await Effect.runPromise(Effect.scoped(Effect.provide(check(scheme, row), TestContext.TestContext)))
          }
        ),
        { numRuns: 200 }
      )
    })
  )
})

const failures: ReadonlyArray<readonly [name: string, step: MockClient.Step]> = [
  ["a 503", respond(503, "", { "retry-after": "5" })],
  ["a reset", MockClient.fail("ECONNRESET")],
  ["a refused connection", MockClient.fail("ECONNREFUSED")]
]

describe("retries", () => {
  it.scoped.each(schemes)("$name: signs each retry anew, with its own time and nonce", (scheme) =>
    Effect.gen(function* () {
      for (const call of [get, put]) {
        for (const [name, step] of failures) {
          const { outcome, signed } = yield* check(scheme, { call, answer: (_, index) => (index < 2 ? step : ok) })
          expect([outcome, signed.length], name).toEqual(["Success", 3])
        }
      }
    })
  )
})

describe("replays after a 401", () => {
  it.scoped.each(schemes.filter(({ renewal }) => renewal !== undefined))(
    "$name: signs the replay anew, once, for the URL that is sent",
    (scheme) =>
      Effect.gen(function* () {
        const refusal = respond(401, "", scheme.renewal)
        for (const call of [get, post]) {
          const made = yield* exchange(scheme, { call, answer: (_, index) => (index === 0 ? refusal : ok) })
          expect([made.outcome, made.signed.length]).toEqual(["Success", 2])
          yield* checkOwn(scheme, made)
        }
      })
  )

  it.scoped.each(schemes.filter(({ renewal }) => renewal === undefined))("$name: sends no replay", (scheme) =>
    Effect.gen(function* () {
      const made = yield* exchange(scheme, { call: post, answer: () => respond(401, "") })
      expect([made.outcome, made.signed.length]).toEqual(["Unauthorized", 1])
    })
  )
})

const pages: Call = (api) =>
  Stream.runCollect(
    Paginate.pages(api, "/list?page=1", {
      schema: Schema.Unknown,
      items: () => [],
      next: Paginate.link()
    })
  )

describe("links to further pages", () => {
  it.scoped.each(schemes)(
    "$name: signs the next page of an own origin, and requests none of another origin",
    (scheme) =>
      Effect.gen(function* () {
        for (const [origin, outcome] of [
          ["https://api.test", "Success"],
          ["https://files.test", "Success"],
          ["https://other.test", "InvalidRequest"],
          ["https://sub.api.test", "InvalidRequest"],
          ["http://api.test", "InvalidRequest"]
        ] as const) {
          const link = (url: string) => respond(200, {}, { link: `<${url}>; rel="next"` })
          const row: Row = {
            call: pages,
            // As many APIs do, it repeats the query of the request.
            answer: ({ url }, index) =>
              index === 0 ? link(`${origin}/list${new URL(url).search.replace("page=1", "page=2")}`) : ok
          }
          const made = yield* check(scheme, row)
          expect([made.outcome, made.foreign.length], origin).toEqual([outcome, 0])
        }
      })
  )
})
