/** What goes with the body over a redirect, and a Location as servers send it. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { api, base, failure, run, urls } from "./scripted.js"

const { respond } = MockClient
const done = respond(200, "done")
const to = (location: string | ReadonlyArray<string>, status = 302) => respond(status, "moved", { location })

/** Fields that describe a body, and what becomes of each where the body goes to another origin. */
const fields = {
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

/** Fields that describe a body, and stay at the origin all the same: they name something of it, or have an unknown name. */
const own = { "content-location": "/v1/secret", "content-x-key": "canary", "last-modified": "yesterday" } as const

describe("fields that describe the body", () => {
  const sent = (status: number, location: string) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([to(location, status), done], { redirects: { crossOriginBody: true } })
      const body = HttpBody.uint8Array(new TextEncoder().encode("abc"), "text/csv")
      yield* run(client.post("/x", { body, headers: { ...fields, ...own, "x-key": "k" } }))
      const [, second] = yield* mock.sent
      return { body: second?.body, headers: second?.headers ?? {} }
    })

  it.effect.each([307, 308])("go with it to the same origin, all of them, after a %i", (status) =>
    Effect.gen(function* () {
      const { body, headers } = yield* sent(status, "/v1/y")
      expect(body).toBe("abc")
      expect(headers).toEqual({ ...fields, ...own, "content-length": "3", "x-key": "k" })
    })
  )

  it.effect.each([307, 308])("go with it to another origin, those of a list, after a %i", (status) =>
    Effect.gen(function* () {
      const { body, headers } = yield* sent(status, "https://other.test/y")
      expect(body).toBe("abc")
      expect(headers).toEqual({ ...fields, "content-length": "3" })
    })
  )

  it.effect.each([301, 302, 303])("are removed with it, to the same origin and to another, after a %i", (status) =>
    Effect.gen(function* () {
      const same = yield* sent(status, "/v1/y")
      expect(same.body).toBeUndefined()
      expect(same.headers).toEqual({ "x-key": "k" })
      const other = yield* sent(status, "https://other.test/y")
      expect(other.body).toBeUndefined()
      expect(other.headers).toEqual({})
    })
  )

  it.effect("of the client's defaults go with a body that has none of them, and to no request without one", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([to("https://other.test/y", 307), done, to("/v1/y", 303), done], {
        redirects: { crossOriginBody: true },
        headers: { "content-type": "application/json", "content-language": "eo", "x-key": "k" }
      })
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

/** Octets as a transport gives them: a character each. */
const octets = (...bytes: ReadonlyArray<number>) => String.fromCharCode(...bytes)
const cafe = `caf${octets(0xc3, 0xa9)}`

describe("a Location", () => {
  const meant: ReadonlyArray<readonly [what: string, location: string, url: string]> = [
    ["in UTF-8 in its path", `/v1/${cafe}`, `${base}/caf%C3%A9`],
    ["in UTF-8 in its query", `?q=${cafe}&r='%7e`, `${base}/x?q=caf%C3%A9&r='%7e`],
    ["in UTF-8 beyond the plane", `/v1/${octets(0xf0, 0x9f, 0x94, 0x91)}`, `${base}/%F0%9F%94%91`],
    ["in UTF-8 in its host", `https://${octets(0xc3, 0xa9)}.test/x`, "https://xn--9ca.test/x"],
    ["in Latin-1, which is sent back as it came", `/v1/caf${octets(0xe9)}`, `${base}/caf%E9`],
    ["in ASCII, encoded already", "/v1/caf%C3%A9", `${base}/caf%C3%A9`]
  ]

  it.effect.each(meant)("%s leads to where the server means", ([, location, url]) =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api([to(location), done])
      yield* run(client.get("/x"))
      expect((yield* urls(mock))[1]).toBe(`GET ${url}`)
    })
  )

  it.effect("that came twice with one value counts once, also where a transport has joined it", () =>
    Effect.gen(function* () {
      const list: ReadonlyArray<string | ReadonlyArray<string>> = [["/v1/y", "/v1/y"], "/v1/y, /v1/y", "y, y, y"]
      for (const location of list) {
        const { api: client, mock } = yield* api([to(location), done])
        yield* run(client.get("/x"))
        expect(yield* urls(mock)).toEqual([`GET ${base}/x`, `GET ${base}/y`])
      }
    })
  )

  it.effect("that came twice with different values is rejected, nothing is sent, and both are shown", () =>
    Effect.gen(function* () {
      for (const status of [301, 302, 303, 307, 308]) {
        const { api: client, mock } = yield* api([to(["/v1/y?a=canary", "/v1/z"], status), done])
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
