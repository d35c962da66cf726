import * as ProtectedResource from "@countersign/auth/ProtectedResource"
import type { TokenError } from "@countersign/auth/Errors"
import * as Challenge from "@countersign/protocol/Challenge"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { allRenderings } from "./support/allRenderings.js"

const { fail, respond } = MockClient

const origin = "https://api.test"
const api = `${origin}/v1`
const named = `${origin}/about`
const own = `${origin}/.well-known/oauth-protected-resource/v1`
const root = `${origin}/.well-known/oauth-protected-resource`
const places = [named, own, root]

const about = (more: object = {}) =>
  respond(200, { resource: api, authorization_servers: ["https://auth.test"], ...more })

type Routes = Readonly<Record<string, MockClient.Step>>

/** Discovers with a challenge, and returns the result with the requested URLs. */
const discovering = (routes: Routes, challenge = `Bearer resource_metadata="${named}"`) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(({ url }) => routes[url] ?? respond(404, "nothing here"))
    const found = ProtectedResource.fromChallenges(api, Challenge.parse(challenge))
    const result = yield* Effect.either(Effect.provideService(found, HttpClient.HttpClient, client))
    return { result, urls: (yield* mock.sent).map(({ url }) => url) }
  })

const html = { "content-type": "text/html" }

type Bad = readonly [situation: string, answer: MockClient.Step, reason: TokenError["reason"]]

/** Responses of a metadata URL that lead to the next one, and the error if all URLs respond so. */
const bad: ReadonlyArray<Bad> = [
  ...[400, 401, 403, 404, 405, 410].map((status): Bad => [`${status}`, respond(status, "no"), "Unavailable"]),
  ...[407, 408, 425, 429, 500, 502, 503, 504, 511].map((status): Bad => [
    `${status}`,
    respond(status, "no"),
    "Unavailable"
  ]),
  ...[301, 302, 303, 307, 308].map((status): Bad => [
    `${status}`,
    respond(status, "", { location: "https://evil.test/about" }),
    "InvalidResponse"
  ]),
  ["a page", respond(200, "<html>", html), "Unavailable"],
  ["nothing", respond(200, ""), "Unavailable"],
  ["204", respond(204), "Unavailable"],
  ["a truncated document", respond(200, '{"resource":"https://api.test/v1"', html), "InvalidResponse"],
  ["a list", respond(200, []), "InvalidResponse"],
  ["an empty object", respond(200, {}), "InvalidResponse"],
  ["no resource", about({ resource: null }), "InvalidResponse"],
  ["another resource", about({ resource: "https://evil.test/v1" }), "InvalidResponse"],
  ["a resource below", about({ resource: `${api}/orders` }), "InvalidResponse"],
  ["a connection that breaks", fail("ECONNRESET"), "Unavailable"],
  ["300 KiB", about({ x: "x".repeat(300 * 1024) }), "InvalidResponse"]
]

const rows = bad.map((row): readonly [string, Bad] => [row[0], row])

describe("ProtectedResource.fromChallenges", () => {
  it.effect.each(rows)("requests the next metadata URL after %s, at each URL", ([_, [, answer]]) =>
    Effect.gen(function* () {
      for (const [at, good] of places.entries()) {
        const { result, urls } = yield* discovering(
          Object.fromEntries(places.map((url, n) => [url, n < at ? answer : about()]))
        )
        expect(result, good).toMatchObject({ _tag: "Right", right: { resource: api, issuer: "https://auth.test" } })
        expect(urls, good).toEqual(places.slice(0, at + 1))
      }
    })
  )

  it.effect.each(rows)("fails with a typed error if all metadata URLs respond with %s", ([_, [, answer, reason]]) =>
    Effect.gen(function* () {
      const { result, urls } = yield* discovering(Object.fromEntries(places.map((url) => [url, answer])))
      expect(result).toMatchObject({ _tag: "Left", left: { _tag: "TokenError", reason } })
      expect(urls).toEqual(places)
    })
  )

  it.effect("stops if no connection is made", () =>
    Effect.gen(function* () {
      const { result, urls } = yield* discovering({ [named]: fail("ECONNREFUSED"), [own]: about() })
      expect(result).toMatchObject({ left: { reason: "Unavailable", sent: "no" } })
      expect(urls).toEqual([named])
    })
  )

  it.effect("requests the well-known URLs if a challenge names two URLs and the first has no metadata", () =>
    Effect.gen(function* () {
      const challenge = `Bearer resource_metadata="${root}", resource_metadata="${own}"`
      const { result, urls } = yield* discovering({ [own]: about() }, challenge)
      expect(result).toMatchObject({ _tag: "Right" })
      expect(urls).toEqual([root, own])
    })
  )

  it.effect(
    "accepts metadata of the API or of its host at the root well-known URL, with and without a challenge parameter",
    () =>
      Effect.gen(function* () {
        for (const challenge of ["Bearer", `Bearer resource_metadata="${root}"`]) {
          for (const resource of [api, origin, `${origin}/`]) {
            const { result } = yield* discovering({ [root]: about({ resource }) }, challenge)
            expect(result, resource).toMatchObject({ right: { resource } })
          }
          const { result } = yield* discovering({ [root]: about({ resource: `${origin}/v2` }) }, challenge)
          expect(result).toMatchObject({ left: { reason: "InvalidResponse" } })
        }
      })
  )

  it.effect("names the metadata URL, both resources and the options to set if the resource differs", () =>
    Effect.gen(function* () {
      const { result } = yield* discovering({ [own]: about({ resource: origin }) }, "Bearer")
      const message = allRenderings(result)
      for (const text of [own, `resource ${origin}`, api, "`discover`", "`issuer`", "`resource`"]) {
        expect(message).toContain(text)
      }
    })
  )

  it.effect("lists the response of each metadata URL if there is no metadata", () =>
    Effect.gen(function* () {
      const { result } = yield* discovering({ [own]: respond(200, "<html>", html) })
      const message = allRenderings(result)
      for (const text of [...places, "answered 404", "content-type: text/html", "`issuer`"])
        expect(message).toContain(text)
    })
  )

  it.effect.each(["application/json", "text/plain", "text/html", "binary/octet-stream", "no type"])(
    "reads a document with content-type %j",
    (type) =>
      Effect.gen(function* () {
        const body = JSON.stringify({ resource: api, authorization_servers: ["https://auth.test"] })
        const { urls } = yield* discovering({ [named]: respond(200, body, { "content-type": type }) })
        expect(urls).toEqual([named])
      })
  )

  it.effect.each([200, 201, 203, 206])("reads a document with status %s", (status) =>
    Effect.gen(function* () {
      const document = respond(status, { resource: api, authorization_servers: ["https://auth.test"] })
      expect((yield* discovering({ [named]: document })).urls).toEqual([named])
    })
  )
})

const unreadable = [null, "", 7, {}, [null], [7], ["re\u001bad"], "re\u001bad"]

/** Optional members, their fields, accepted values, the parsed value, and the default. */
const members = [
  ["scopes_supported", "scopesSupported", [["a", "b"], "a b", ["a b"], ["a", null, "b"]], ["a", "b"], undefined],
  ["bearer_methods_supported", "bearerMethods", [["header"], "header"], ["header"], undefined],
  ["dpop_signing_alg_values_supported", "dpopAlgorithms", [["ES256"], "ES256"], ["ES256"], undefined],
  ["dpop_bound_access_tokens_required", "dpopRequired", [true, "true"], true, false],
  ["resource_name", "name", ["Orders"], "Orders", undefined]
] as const

describe("ProtectedResource metadata", () => {
  it.effect.each(members.map((row): readonly [string, typeof row] => [row[0], row]))(
    "parses a valid optional member, and ignores an invalid one: %s",
    ([_, [name, field, readable, value, otherwise]]) =>
      Effect.gen(function* () {
        const fieldOf = (given: unknown) =>
          Effect.map(discovering({ [named]: about({ [name]: given }) }), ({ result }) =>
            result._tag === "Right" ? result.right[field] : result.left
          )
        for (const given of readable) expect(yield* fieldOf(given), JSON.stringify(given)).toEqual(value)
        const strange = name === "resource_name" ? unreadable.filter((one) => one !== "re\u001bad") : unreadable
        for (const given of strange) expect(yield* fieldOf(given), JSON.stringify(given)).toEqual(otherwise)
      })
  )
})
