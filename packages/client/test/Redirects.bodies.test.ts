/** Body headers across redirects, and forms of Location. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { api, base, failure, run, urls } from "./support/mockApi.js"

const { respond } = MockClient
const ok = respond(200, "done")
const redirectTo = (location: string | ReadonlyArray<string>, status = 302) => respond(status, "moved", { location })

/** Headers that describe a body. They are sent with the body to another origin. */
const portableHeaders = {
  "content-type": "text/csv",
  "content-encoding": "gzip",
  "content-language": "eo",
  "content-disposition": "attachment",
  "content-digest": "sha-256=:AAAA:",
  "content-md5": "AAAA",
  "content-range": "bytes 0-2/6",
  digest: "sha-256=AAAA",
  "repr-digest": "sha-256=:AAAA:"
} as const

/** Headers that describe a body but stay at the origin: they refer to it, or their name is unknown. */
const originHeaders = {
  "content-location": "/v1/secret",
  "content-x-key": "canary",
  "last-modified": "yesterday"
} as const

describe("Redirects.follow, body headers", () => {
  const secondRequest = (status: number, location: string) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([redirectTo(location, status), ok], {
        redirects: { crossOriginBody: true }
      })
      const body = HttpBody.uint8Array(new TextEncoder().encode("abc"), "text/csv")
      yield* run(client.post("/x", { body, headers: { ...portableHeaders, ...originHeaders, "x-key": "k" } }))
      const [, second] = yield* mock.sent
      return { body: second?.body, headers: second?.headers ?? {} }
    })

  it.effect.each([307, 308])("sends all of them with the body to the same origin after a %i", (status) =>
    Effect.gen(function* () {
      const { body, headers } = yield* secondRequest(status, "/v1/y")
      expect(body).toBe("abc")
      expect(headers).toEqual({ ...portableHeaders, ...originHeaders, "content-length": "3", "x-key": "k" })
    })
  )

  it.effect.each([307, 308])("sends the portable ones with the body to another origin after a %i", (status) =>
    Effect.gen(function* () {
      const { body, headers } = yield* secondRequest(status, "https://other.test/y")
      expect(body).toBe("abc")
      expect(headers).toEqual({ ...portableHeaders, "content-length": "3" })
    })
  )

  it.effect.each([301, 302, 303])("removes them with the body, on any origin, after a %i", (status) =>
    Effect.gen(function* () {
      const same = yield* secondRequest(status, "/v1/y")
      expect(same.body).toBeUndefined()
      expect(same.headers).toEqual({ "x-key": "k" })
      const other = yield* secondRequest(status, "https://other.test/y")
      expect(other.body).toBeUndefined()
      expect(other.headers).toEqual({})
    })
  )

  it.effect("sends default body headers with a body that lacks them, and never without a body", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(
        [redirectTo("https://other.test/y", 307), ok, redirectTo("/v1/y", 303), ok],
        {
          redirects: { crossOriginBody: true },
          headers: { "content-type": "application/json", "content-language": "eo", "x-key": "k" }
        }
      )
      yield* run(client.put("/x", { body: HttpBody.raw("{}") }))
      yield* run(client.post("/x", { body: HttpBody.raw("{}") }))
      expect((yield* mock.sent).map(({ headers }) => headers)).toEqual([
        { "content-type": "application/json", "content-language": "eo", "x-key": "k" },
        { "content-type": "application/json", "content-language": "eo" },
        { "content-type": "application/json", "content-language": "eo", "x-key": "k" },
        { "x-key": "k" }
      ])
    })
  )
})

/** Bytes as a transport decodes them: one Latin-1 character each. */
const latin1 = (...bytes: ReadonlyArray<number>) => String.fromCharCode(...bytes)
const cafe = `caf${latin1(0xc3, 0xa9)}`

describe("Redirects.follow, Location", () => {
  const locations: ReadonlyArray<readonly [what: string, location: string, url: string]> = [
    ["a UTF-8 path", `/v1/${cafe}`, `${base}/caf%C3%A9`],
    ["a UTF-8 query", `?q=${cafe}&r='%7e`, `${base}/x?q=caf%C3%A9&r='%7e`],
    ["UTF-8 outside the basic plane", `/v1/${latin1(0xf0, 0x9f, 0x94, 0x91)}`, `${base}/%F0%9F%94%91`],
    ["a UTF-8 host", `https://${latin1(0xc3, 0xa9)}.test/x`, "https://xn--9ca.test/x"],
    ["Latin-1, repeated unchanged", `/v1/caf${latin1(0xe9)}`, `${base}/caf%E9`],
    ["percent-encoded ASCII", "/v1/caf%C3%A9", `${base}/caf%C3%A9`]
  ]

  it.effect.each(locations)("resolves %s", ([, location, url]) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([redirectTo(location), ok])
      yield* run(client.get("/x"))
      expect((yield* urls(mock))[1]).toBe(`GET ${url}`)
    })
  )

  it.effect("accepts a Location repeated with the same value, also joined by commas", () =>
    Effect.gen(function* () {
      const list: ReadonlyArray<string | ReadonlyArray<string>> = [["/v1/y", "/v1/y"], "/v1/y, /v1/y", "y, y, y"]
      for (const location of list) {
        const { api: client, mock } = yield* api([redirectTo(location), ok])
        yield* run(client.get("/x"))
        expect(yield* urls(mock)).toEqual([`GET ${base}/x`, `GET ${base}/y`])
      }
    })
  )

  it.effect("rejects different Location values and shows both redacted", () =>
    Effect.gen(function* () {
      for (const status of [301, 302, 303, 307, 308]) {
        const { api: client, mock } = yield* api([redirectTo(["/v1/y?a=canary", "/v1/z"], status), ok])
        const error = yield* failure(client.get("/x"))
        expect(error).toMatchObject({
          _tag: "RedirectRejected",
          reason: "InvalidLocation",
          location: "/v1/y?a=<redacted>, /v1/z"
        })
        expect(yield* mock.sent).toHaveLength(1)
        expect(yield* mock.released).toHaveLength(1)
      }
    })
  )
})
