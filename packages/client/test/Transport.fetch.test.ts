/** The platform transport over `fetch`, which follows redirects itself unless a request disables that. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Timeline from "@countersign/client/Timeline"
import * as Transport from "@countersign/client/Transport"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const secret = "SECRET-0123456789"
const ownOrigin = "https://api.test"
const otherOrigin = "https://elsewhere.test"

interface Call {
  readonly url: string
  readonly key: string | null
  readonly init: RequestInit
}

/** A `fetch` that follows redirects as the Fetch standard does: it removes `Authorization` only. */
const makeFetch = (calls: Array<Call>, status: number) => {
  const fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input)
    calls.push({ url, key: new Headers(init.headers).get("x-api-key"), init })
    if (!url.startsWith(ownOrigin)) return new Response("{}", { status: 200 })
    const redirect = new Response(null, { status, headers: { location: `${otherOrigin}/to` } })
    return init.redirect === "manual" ? redirect : fetch(`${otherOrigin}/to`, init)
  }
  return fetch
}

const auth = Auth.makeStatic(HttpClientRequest.setHeader("x-api-key", secret))

type FetchSetup = (
  fetch: typeof globalThis.fetch,
  options: RequestInit
) => {
  readonly layer: Layer.Layer<HttpClient.HttpClient>
  readonly around: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

const unchanged = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> => effect

/** Places where a program can provide `fetch` and its options to the platform. */
const fetchSetups: Readonly<Record<string, FetchSetup>> = {
  "in the layer": (fetch, options) => ({
    layer: FetchHttpClient.layer.pipe(
      Layer.provide(Layer.succeed(FetchHttpClient.Fetch, fetch)),
      Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, options))
    ),
    around: unchanged
  }),
  "around the call": (fetch, options) => ({
    layer: FetchHttpClient.layer,
    around: (effect) =>
      effect.pipe(
        Effect.provideService(FetchHttpClient.Fetch, fetch),
        Effect.provideService(FetchHttpClient.RequestInit, options)
      )
  }),
  "around the transport": (fetch, options) => ({
    layer: Layer.effect(
      HttpClient.HttpClient,
      Effect.map(Effect.provide(HttpClient.HttpClient, FetchHttpClient.layer), (client) =>
        HttpClient.transformResponse(client, (exchange) =>
          exchange.pipe(
            Effect.provideService(FetchHttpClient.Fetch, fetch),
            Effect.provideService(FetchHttpClient.RequestInit, options)
          )
        )
      )
    ),
    around: unchanged
  })
}

type Send = (client: ApiClient.ApiClient, transport: HttpClient.HttpClient) => Effect.Effect<unknown, unknown>

const signed = HttpClientRequest.get(`${ownOrigin}/from`, { headers: { "x-api-key": secret } })

/** Ways to send a request. */
const sends: Readonly<Record<string, Send>> = {
  "a verb": (client) => client.get("/from"),
  execute: (client) => client.execute(HttpClientRequest.get("/from")),
  httpClient: (client) => client.httpClient.get("/from"),
  "a verb with Timeline.record": (client) => Timeline.record(client.get("/from")),
  "Transport.fromHttpClient alone": (_, transport) => Transport.fromHttpClient(transport).execute(signed)
}

const redirects: Readonly<Record<string, ApiClient.Options["redirects"]>> = {
  followed: undefined,
  off: false,
  "on the own origin": { crossOrigin: "reject" }
}

describe("Transport over FetchHttpClient", () => {
  for (const [where, setUp] of Object.entries(fetchSetups)) {
    for (const [how, send] of Object.entries(sends)) {
      for (const [rule, options] of Object.entries(redirects)) {
        it.effect(`sends no API key to another origin: options provided ${where}, ${how}, redirects ${rule}`, () =>
          Effect.gen(function* () {
            for (const status of [301, 302, 303, 307, 308]) {
              const calls: Array<Call> = []
              const { around, layer } = setUp(makeFetch(calls, status), { credentials: "include", redirect: "follow" })
              const program = Effect.gen(function* () {
                const client = yield* ApiClient.make({ baseUrl: ownOrigin, auth, redirects: options, retry: false })
                yield* Effect.exit(send(client, yield* HttpClient.HttpClient))
              }).pipe(Effect.provide(layer))
              yield* around(program)
              const follows = rule === "followed" && how !== "Transport.fromHttpClient alone"
              expect(calls.map(({ key, url }) => [url, key])).toEqual([
                [`${ownOrigin}/from`, secret],
                ...(follows ? [[`${otherOrigin}/to`, null]] : [])
              ])
              // The other options of the program are kept.
              for (const { init } of calls) expect(init).toMatchObject({ redirect: "manual", credentials: "include" })
            }
          })
        )
      }
    }
  }

  it.effect("leaves the fetch options of the fiber unchanged", () =>
    Effect.gen(function* () {
      const transport = yield* HttpClient.HttpClient
      yield* Effect.exit(Transport.fromHttpClient(transport).execute(signed))
      expect(yield* FetchHttpClient.RequestInit).toEqual({ redirect: "error" })
    }).pipe(
      Effect.provide(FetchHttpClient.layer),
      Effect.provideService(FetchHttpClient.Fetch, makeFetch([], 302)),
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "error" })
    )
  )

  for (const [how, send] of Object.entries(sends)) {
    for (const [rule, options] of Object.entries(redirects)) {
      it.effect(`rejects an opaque redirect of a browser: ${how}, redirects ${rule}`, () =>
        Effect.gen(function* () {
          const opaque = Object.defineProperties(new Response(null), {
            status: { value: 0 },
            type: { value: "opaqueredirect" }
          })
          let calls = 0
          const fetch = () => {
            calls++
            return Promise.resolve(opaque)
          }
          const error = yield* Effect.gen(function* () {
            const client = yield* ApiClient.make({ baseUrl: ownOrigin, auth, redirects: options })
            const result = yield* Effect.exit(send(client, yield* HttpClient.HttpClient))
            return JSON.stringify(result)
          }).pipe(Effect.provide(FetchHttpClient.layer), Effect.provideService(FetchHttpClient.Fetch, fetch))
          expect(error).toContain("RedirectRejected")
          expect(error).toContain("Opaque")
          expect(error).toContain("answered with a redirect, which was not followed: `fetch` hides its target")
          expect(calls).toBe(1)
        })
      )
    }
  }
})
