/** Credentials that a server quotes: in the Location of a redirect, in the names of a JSON body, and after a replay. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as Timeline from "@countersign/client/Timeline"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { printings } from "./printings.js"
import { api, failure, run } from "./scripted.js"

const { fail, respond } = MockClient
const token = "SECRET-Token+0123/456789=="

const signing = (put: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest) =>
  Auth.makeStatic(put)

/** Where the credential is in the request. */
const schemes: Readonly<Record<string, Partial<ApiClient.Options>>> = {
  "a bearer": { auth: signing(HttpClientRequest.setHeader("authorization", `Bearer ${token}`)) },
  "a name of no meaning": { auth: signing(HttpClientRequest.setHeader("x-team", token)) },
  "a signed query": { auth: signing(HttpClientRequest.setUrlParam("k", token)) },
  "a scheme that writes the URL anew": {
    auth: signing((request) =>
      HttpClientRequest.setHeader(HttpClientRequest.setUrl(request, new URL(request.url)), "x-team", token)
    )
  },
  "a default header": { auth: Auth.none, headers: { "x-api-key": token } }
}

const percent = (text: string): string => Array.from(text, (one) => `%${one.charCodeAt(0).toString(16)}`).join("")
const label = token.replace(/[^A-Za-z0-9-]/g, "")

/** Where a Location quotes it. `label` is what a host can hold of it. */
const locations: Readonly<Record<string, string>> = {
  "the path": `/nf/${token}/end`,
  "the path, percent-encoded": `/nf/${percent(token)}`,
  "the path, in lower case": `/nf/${token.toLowerCase()}`,
  "the path of another origin": `https://other.test/${encodeURIComponent(token)}`,
  "the name of a parameter": `/nf?${encodeURIComponent(token)}=1`,
  "the value of a parameter": `/nf?a=${token}`,
  "the fragment": `/nf#${token}`,
  "another scheme": `ftp://other.test/${token}`,
  "the user name": `https://${encodeURIComponent(token)}@other.test/`,
  "a path that is too long": `/${"x".repeat(2030)}${token}`
}

const problem = {
  type: `https://errors.test/${token}`,
  title: `no ${token}`,
  detail: `no ${token}`,
  instance: `/${token}`
}
const asProblem = { "content-type": "application/problem+json", "www-authenticate": `Bearer realm="${token}"` }
const tooLarge = respond(200, "x".repeat(1000))

/** How the next hop ends. The second origin quotes the credential, which it knows from the URL. */
const ends: Readonly<Record<string, MockClient.Step>> = {
  "200": respond(200, "ok"),
  "200 too large": tooLarge,
  "401": respond(401, problem, asProblem),
  "403": respond(403, problem, asProblem),
  "404": respond(404, problem, asProblem),
  "429": respond(429, problem, { ...asProblem, "retry-after": "3600" }),
  "503": respond(503, problem, asProblem),
  "a reset": fail("ECONNRESET"),
  "a refused connection": fail("ECONNREFUSED"),
  silence: MockClient.never,
  "a redirect that is rejected": respond(302, "", { location: `ftp://other.test/${token}` })
}

interface Seen {
  readonly texts: ReadonlyArray<string>
  readonly sent: ReadonlyArray<string>
}

/** A tracer that keeps what it is told. */
const recording = (into: Array<unknown>): Tracer.Tracer =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const attributes = new Map<string, unknown>()
      return {
        _tag: "Span",
        ...{ name, spanId: "a".repeat(16), traceId: "b".repeat(32), sampled: true, parent, context, links, kind },
        status: { _tag: "Started", startTime },
        attributes,
        attribute: (key, value) => void attributes.set(key, value),
        event: () => undefined,
        addLinks: () => undefined,
        end: (_, exit) => into.push(name, [...attributes], Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "")
      }
    },
    context: (f) => f()
  })

/** Everything that a call shows: its outcome, its events and its spans. */
const shownBy = <A, E>(call: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const spans: Array<unknown> = []
    const traced = Effect.withTracer(Effect.withSpan(call, "caller"), recording(spans))
    const { events, exit } = yield* Timeline.record(traced)
    const outcome: unknown = Exit.isFailure(exit) ? Cause.squash(exit.cause) : exit.value
    return [
      ...printings(outcome, false),
      inspect(exit, { depth: 20 }),
      inspect(events, { depth: 9 }),
      inspect(spans, { depth: 9 })
    ]
  })

const leaked = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.filter((text) => {
    const lower = text.toLowerCase()
    return [token, encodeURIComponent(token), percent(token), "secret-token", label].some((one) =>
      lower.includes(one.toLowerCase())
    )
  })

const called = (options: Partial<ApiClient.Options>, location: string, end: MockClient.Step) =>
  Effect.gen(function* () {
    const { api: client, mock } = yield* api([respond(302, "", { location }), end], {
      retry: false,
      timeout: { exchange: "1 second" },
      maxBodySize: 100,
      ...options
    })
    const texts = yield* shownBy(run(client.get("/x")))
    const seen: Seen = { texts, sent: (yield* mock.sent).map(({ url }) => url) }
    return seen
  })

describe("a credential that the Location quotes", () => {
  for (const [scheme, options] of Object.entries(schemes)) {
    for (const [place, location] of Object.entries(locations)) {
      it.effect(`is not shown, whatever the next hop answers: ${scheme}, quoted in ${place}`, () =>
        Effect.gen(function* () {
          for (const [name, end] of Object.entries(ends)) {
            const { sent, texts } = yield* called(options, location, end)
            expect(leaked(texts), name).toEqual([])
            const target = URL.canParse(location, "https://api.test")
              ? new URL(location, "https://api.test")
              : undefined
            // The URL that is requested is the server's.
            if (sent.length > 1) expect(new URL(sent[1] ?? "").pathname).toBe(target?.pathname)
          }
        })
      )
    }
  }

  it.effect("is not shown as a host, by a circuit that is open, or by a queue that is full", () =>
    Effect.gen(function* () {
      const auth = signing(HttpClientRequest.setHeader("authorization", `Bearer ${label}`))
      const to = respond(302, "", { location: `https://${label}.other.test/x` })
      const circuitBreaker = yield* CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutiveFailures(1) })
      const { api: client } = yield* api([to, fail("ECONNRESET"), to], { auth, circuitBreaker, retry: false })
      const texts = [...(yield* shownBy(run(client.get("/x")))), ...(yield* shownBy(run(client.get("/x"))))]
      expect(texts.join("\n")).toContain("CircuitOpen")
      expect(leaked(texts)).toEqual([])

      const concurrency = yield* Concurrency.make({ limit: 1, maxQueued: 0 })
      const hanging = yield* api((sent) => (sent.url.startsWith("https://api.test") ? to : MockClient.never), {
        ...{ auth, concurrency, retry: false, timeout: { exchange: false, call: false } }
      })
      yield* Effect.fork(hanging.api.get("/x"))
      yield* Effect.yieldNow()
      const full = yield* shownBy(run(hanging.api.get("/x")))
      expect(full.join("\n")).toContain("Overloaded")
      expect(leaked(full)).toEqual([])
    })
  )

  it.effect("is not shown after further hops, nor by a response that the caller keeps", () =>
    Effect.gen(function* () {
      const on = (path: string) => respond(307, "", { location: `https://other.test/${token}/${path}` })
      const { api: client } = yield* api([on("1"), on("2"), on("3"), respond(200, "ok")], {
        auth: signing(HttpClientRequest.setHeader("x-team", token))
      })
      const response = yield* run(client.get("/x"))
      expect(response.request.url).toBe("https://other.test/<redacted>/3")
      expect(leaked([JSON.stringify(response), inspect(response, { depth: 9, showHidden: true })])).toEqual([])
    })
  )
})

describe("a credential that is replaced", () => {
  it.effect("is not shown where the server quotes the earlier one after a replay", () =>
    Effect.gen(function* () {
      let key = token
      const auth: Auth.Service = {
        sign: (request) =>
          Effect.sync(() => ({ request: HttpClientRequest.setHeader(request, "x-team", key), credential: key.length })),
        onRejected: () => Effect.sync(() => ((key = "another-key-of-the-pool"), true))
      }
      for (const end of [404, 401, 403]) {
        key = token
        const { api: client } = yield* api([respond(401), respond(end, problem, asProblem)], { auth, retry: false })
        const texts = yield* shownBy(run(client.get("/x")))
        expect(texts.join("\n")).toContain(`answered ${end}`)
        expect(leaked(texts)).toEqual([])
      }
    })
  )
})

describe("a credential that is the name of a field", () => {
  const bodies: Readonly<Record<string, unknown>> = {
    "as it is": { [token]: 1 },
    "within a longer name": { [`Bearer ${token} of`]: 1 },
    nested: { a: { [token]: { b: 1 } } },
    "in lower case": { [token.toLowerCase()]: 1 },
    "percent-encoded": { [encodeURIComponent(token)]: 1 },
    "as JSON within JSON": { [JSON.stringify({ token })]: 1 },
    "at the cut": { ["x".repeat(50) + token]: 1 }
  }
  const text = Schema.Record({ key: Schema.String, value: Schema.String })
  const deep = Schema.Record({
    key: Schema.String,
    value: Schema.Union(Schema.String, Schema.Record({ key: Schema.String, value: text }))
  })

  for (const [scheme, options] of Object.entries(schemes)) {
    for (const [where, body] of Object.entries(bodies)) {
      it.effect(`is not shown by InvalidResponse: ${scheme}, ${where}`, () =>
        Effect.gen(function* () {
          for (const schema of [text, deep]) {
            const { api: client } = yield* api([respond(200, body)], options)
            const error = yield* failure(client.get("/x", { schema: schema as Schema.Schema<unknown> }))
            expect(error._tag).toBe("InvalidResponse")
            const texts = printings(error)
            expect(leaked(texts)).toEqual([])
            expect(texts.join("\n")).not.toContain("SECRET")
          }
        })
      )
    }
  }

  it.effect("leaves the names that are no secret", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(200, { alice: 1 })], schemes["a bearer"])
      expect(yield* failure(client.get("/x", { schema: text }))).toMatchObject({
        mismatches: [{ path: "$.alice", expected: "string" }]
      })
    })
  )
})
