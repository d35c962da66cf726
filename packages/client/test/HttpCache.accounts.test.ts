/** No response of another account, for random sequences of requests against a simple model of the server. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as HttpCache from "@countersign/client/HttpCache"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import { api, run, runPromise } from "./support/mockApi.js"

const { respond } = MockClient

const names = ["alice", "bob", "carol"] as const
const paths = ["/a", "/a?q=1", "/b"] as const

/** How the account of a request is given: by the client, by a call, by a derived client, or by a field of the caller. */
const ways = ["client", "call", "with", "header"] as const

const step = FastCheck.record({
  who: FastCheck.constantFrom(...names),
  way: FastCheck.constantFrom(...ways),
  path: FastCheck.constantFrom(...paths),
  method: FastCheck.constantFrom("GET", "GET", "GET", "GET", "HEAD", "PUT", "DELETE"),
  language: FastCheck.constantFrom("en", "de"),
  directives: FastCheck.constantFrom(undefined, "no-cache", "max-stale=100", "max-age=5"),
  seconds: FastCheck.constantFrom(0, 1, 20)
})

const control = FastCheck.constantFrom(
  "max-age=10",
  "max-age=10, stale-while-revalidate=100",
  "max-age=1, stale-if-error=100",
  "no-cache",
  "no-store",
  "max-age=0"
)

const vary = FastCheck.constantFrom({}, { vary: "accept-language" }, { vary: "Authorization" }, { vary: "*" })

const tokens = new Map(
  names.map((name) => [name, Auth.makeStatic(HttpClientRequest.setHeader("authorization", name))] as const)
)
const schemeOf = (name: string) => tokens.get(name as "alice") ?? Auth.none

/** A server with a version for each path. The body has the account, the language and the version. */
const makeServer = (fields: Record<string, string>) => {
  const versions = new Map<string, number>()
  const server = ({ headers, method, url }: MockClient.Sent) => {
    const path = new URL(url).pathname + new URL(url).search
    if (method === "PUT" || method === "DELETE") {
      versions.set(path, (versions.get(path) ?? 0) + 1)
      return respond(204)
    }
    const body = `${headers["authorization"]} ${path} ${headers["accept-language"]} ${versions.get(path) ?? 0}`
    const etag = `"${body.replaceAll(" ", "-")}"`
    if (headers["if-none-match"] === etag) return respond(304, "", { ...fields, etag })
    return respond(200, method === "HEAD" ? "" : body, { ...fields, etag })
  }
  return { server, versionOf: (path: string) => versions.get(path) ?? 0 }
}

const send = (client: ApiClient.ApiClient, one: typeof step extends FastCheck.Arbitrary<infer A> ? A : never) => {
  const { directives, language, method, path, way, who } = one
  const headers = {
    "accept-language": language,
    ...(directives !== undefined && { "cache-control": directives }),
    ...(way === "header" && { authorization: who })
  }
  const auth = schemeOf(who)
  if (way === "call") return client.request(method, path, { headers, auth })
  if (way === "with") return client.with({ auth }).request(method, path, { headers })
  return client.request(method, path, { headers })
}

describe("HttpCache.memory", () => {
  it("gives each account and language its own response, and no version before the last change", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(step, { minLength: 2, maxLength: 25 }),
        control,
        vary,
        async (steps, directives, varied) => {
          const isSelecting = "vary" in varied && varied.vary === "accept-language"
          const { server, versionOf } = makeServer({ "cache-control": directives, ...varied })
          const program = Effect.gen(function* () {
            const cache = HttpCache.memory({ maxEntries: 4 })
            const clients = new Map<string, ApiClient.ApiClient>()
            for (const name of ["none", ...names])
              clients.set(name, (yield* api(server, { auth: schemeOf(name), cache, retry: false })).api)
            for (const one of steps) {
              const client = clients.get(one.way === "client" ? one.who : "none")
              if (client === undefined) throw new Error("no client")
              yield* TestClock.adjust(`${one.seconds} seconds`)
              const response = yield* run(send(client, one))
              if (one.method !== "GET") continue
              const [who, , language, version] = (yield* response.text).split(" ")
              expect(who).toBe(one.who)
              if (isSelecting) expect(language).toBe(one.language)
              expect(version).toBe(String(versionOf(`/v1${one.path}`)))
            }
          })
          await runPromise(program)
        }
      ),
      { numRuns: 25 }
    ))
})
