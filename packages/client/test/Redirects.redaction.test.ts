/** Credentials that a server echoes: in Location, in the member names of a JSON body, and after a replay. */
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
import { allRenderings } from "./support/allRenderings.js"
import { api, failure, run } from "./support/mockApi.js"

const { fail, respond } = MockClient
const token = "SECRET-Token+0123/456789=="

const makeAuth = (put: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest) =>
  Auth.makeStatic(put)

/** Client options per location of the credential in the request. */
const schemes: Readonly<Record<string, Partial<ApiClient.Options>>> = {
  "bearer token": { auth: makeAuth(HttpClientRequest.setHeader("authorization", `Bearer ${token}`)) },
  "custom header": { auth: makeAuth(HttpClientRequest.setHeader("x-team", token)) },
  "signed query": { auth: makeAuth(HttpClientRequest.setUrlParam("k", token)) },
  "scheme that rebuilds the URL": {
    auth: makeAuth((request) =>
      HttpClientRequest.setHeader(HttpClientRequest.setUrl(request, new URL(request.url)), "x-team", token)
    )
  },
  "default header": { auth: Auth.none, headers: { "x-api-key": token } }
}

const percent = (text: string): string => Array.from(text, (one) => `%${one.charCodeAt(0).toString(16)}`).join("")
const label = token.replace(/[^A-Za-z0-9-]/g, "")

/** Locations that contain the credential. `label` is the part of it that fits into a host name. */
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

/** Responses of the next hop. The second origin echoes the credential, which it knows from the URL. */
const hopResults: Readonly<Record<string, MockClient.Step>> = {
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
  "a rejected redirect": respond(302, "", { location: `ftp://other.test/${token}` })
}

interface Renderings {
  readonly texts: ReadonlyArray<string>
  readonly sent: ReadonlyArray<string>
}

/** A tracer that records finished spans in `into`. */
const recordingTracer = (into: Array<unknown>): Tracer.Tracer =>
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

/** Everything that a call shows: its result, its events and its spans. */
const renderCall = <A, E>(call: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const spans: Array<unknown> = []
    const traced = Effect.withTracer(Effect.withSpan(call, "caller"), recordingTracer(spans))
    const { events, exit } = yield* Timeline.record(traced)
    const outcome: unknown = Exit.isFailure(exit) ? Cause.squash(exit.cause) : exit.value
    return [
      ...allRenderings(outcome, false),
      inspect(exit, { depth: 20 }),
      inspect(events, { depth: 9 }),
      inspect(spans, { depth: 9 })
    ]
  })

const leakingTexts = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.filter((text) => {
    const lower = text.toLowerCase()
    return [token, encodeURIComponent(token), percent(token), "secret-token", label].some((one) =>
      lower.includes(one.toLowerCase())
    )
  })

const renderRedirectedCall = (options: Partial<ApiClient.Options>, location: string, hopResult: MockClient.Step) =>
  Effect.gen(function* () {
    const { api: client, mock } = yield* api([respond(302, "", { location }), hopResult], {
      retry: false,
      timeout: { exchange: "1 second" },
      maxBodySize: 100,
      ...options
    })
    const texts = yield* renderCall(run(client.get("/x")))
    const renderings: Renderings = { texts, sent: (yield* mock.sent).map(({ url }) => url) }
    return renderings
  })

describe("Redaction of credentials in Location", () => {
  for (const [scheme, options] of Object.entries(schemes)) {
    for (const [place, location] of Object.entries(locations)) {
      it.effect(`hides the credential (${scheme}) in ${place}, for any response of the next hop`, () =>
        Effect.gen(function* () {
          for (const [name, hopResult] of Object.entries(hopResults)) {
            const { sent, texts } = yield* renderRedirectedCall(options, location, hopResult)
            expect(leakingTexts(texts), name).toEqual([])
            const target = URL.canParse(location, "https://api.test")
              ? new URL(location, "https://api.test")
              : undefined
            // The requested URL keeps the path of the server, unredacted.
            if (sent.length > 1) expect(new URL(sent[1] ?? "").pathname).toBe(target?.pathname)
          }
        })
      )
    }
  }

  it.effect("hides the credential in a host name, in CircuitOpen and Overloaded", () =>
    Effect.gen(function* () {
      const auth = makeAuth(HttpClientRequest.setHeader("authorization", `Bearer ${label}`))
      const redirect = respond(302, "", { location: `https://${label}.other.test/x` })
      const circuitBreaker = yield* CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutiveFailures(1) })
      const { api: client } = yield* api([redirect, fail("ECONNRESET"), redirect], {
        auth,
        circuitBreaker,
        retry: false
      })
      const texts = [...(yield* renderCall(run(client.get("/x")))), ...(yield* renderCall(run(client.get("/x"))))]
      expect(texts.join("\n")).toContain("CircuitOpen")
      expect(leakingTexts(texts)).toEqual([])

      const concurrency = yield* Concurrency.make({ limit: 1, maxQueued: 0 })
      const hanging = yield* api((sent) => (sent.url.startsWith("https://api.test") ? redirect : MockClient.never), {
        ...{ auth, concurrency, retry: false, timeout: { exchange: false, call: false } }
      })
      yield* Effect.fork(hanging.api.get("/x"))
      yield* Effect.yieldNow()
      const full = yield* renderCall(run(hanging.api.get("/x")))
      expect(full.join("\n")).toContain("Overloaded")
      expect(leakingTexts(full)).toEqual([])
    })
  )

  it.effect("hides the credential after further hops and in a stored response", () =>
    Effect.gen(function* () {
      const redirectOn = (path: string) => respond(307, "", { location: `https://other.test/${token}/${path}` })
      const { api: client } = yield* api([redirectOn("1"), redirectOn("2"), redirectOn("3"), respond(200, "ok")], {
        auth: makeAuth(HttpClientRequest.setHeader("x-team", token))
      })
      const response = yield* run(client.get("/x"))
      expect(response.request.url).toBe("https://other.test/<redacted>/3")
      expect(leakingTexts([JSON.stringify(response), inspect(response, { depth: 9, showHidden: true })])).toEqual([])
    })
  )
})

describe("Redaction of credentials after a replay", () => {
  it.effect("hides the replaced credential when the server echoes it", () =>
    Effect.gen(function* () {
      let key = token
      const auth: Auth.Service = {
        sign: (request) =>
          Effect.sync(() => ({ request: HttpClientRequest.setHeader(request, "x-team", key), credential: key.length })),
        onRejected: () => Effect.sync(() => ((key = "another-key-of-the-pool"), true))
      }
      for (const hopResult of [404, 401, 403]) {
        key = token
        const { api: client } = yield* api([respond(401), respond(hopResult, problem, asProblem)], {
          auth,
          retry: false
        })
        const texts = yield* renderCall(run(client.get("/x")))
        expect(texts.join("\n")).toContain(`answered ${hopResult}`)
        expect(leakingTexts(texts)).toEqual([])
      }
    })
  )
})

describe("Redaction of credentials in member names", () => {
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
      it.effect(`hides the credential in InvalidResponse (${scheme}), ${where}`, () =>
        Effect.gen(function* () {
          for (const schema of [text, deep]) {
            const { api: client } = yield* api([respond(200, body)], options)
            const error = yield* failure(client.get("/x", { schema: schema as Schema.Schema<unknown> }))
            expect(error._tag).toBe("InvalidResponse")
            const texts = allRenderings(error)
            expect(leakingTexts(texts)).toEqual([])
            expect(texts.join("\n")).not.toContain("SECRET")
          }
        })
      )
    }
  }

  it.effect("keeps member names that are no secret", () =>
    Effect.gen(function* () {
      const { api: client } = yield* api([respond(200, { alice: 1 })], schemes["bearer token"])
      expect(yield* failure(client.get("/x", { schema: text }))).toMatchObject({
        mismatches: [{ path: "$.alice", expected: "string" }]
      })
    })
  )
})
