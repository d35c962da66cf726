import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as RequestDefaults from "@countersign/client/RequestDefaults"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { api, base, failure, hostileText, runPromise, run, transport, urls } from "./support/mockApi.js"

const ok = () => MockClient.respond(200)

describe("RequestDefaults.validate", () => {
  it.effect("rejects a base URL with another scheme, credentials, query or fragment, without showing secrets", () =>
    Effect.gen(function* () {
      const list = [
        "",
        "api.test",
        "/v1",
        "ftp://a.test",
        "https://",
        "https:evil",
        "https://u:c4n4ry@a.test",
        "https://a.test/?k=c4n4ry",
        "https://a.test/#f",
        "https://[::",
        "https://a.test/\n"
      ]
      for (const baseUrl of list) {
        const error = yield* Effect.flip(RequestDefaults.validate({ baseUrl }))
        expect(error, baseUrl).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
        expect(error.message).toMatch(
          /(invalid `baseUrl`( ".*")?\. .+|^The request was not sent: `baseUrl` is empty)\. (Use|Begin|Pass|Remove|Set) .+\.$/
        )
        expect(error.message).not.toContain("c4n4ry")
      }
    })
  )

  it.effect("rejects default headers that cannot be sent, without showing their values", () =>
    Effect.gen(function* () {
      for (const headers of [{ "x-a": "c4n4ry\n" }, { "x c4n4ry": "v" }, { Host: "c4n4ry" }]) {
        const error = yield* Effect.flip(RequestDefaults.validate({ baseUrl: base, headers }))
        expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Header" })
        expect(error.message).not.toContain("c4n4ry")
      }
    })
  )

  it.effect("rejects an invalid base URL when ApiClient.make runs", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(api([], { baseUrl: "nonsense" }))).toMatchObject({ _tag: "InvalidRequest" })
    })
  )
})

describe("RequestDefaults.policy URL", () => {
  const hostile = [
    "@evil.test/x",
    ":pw@evil.test/x",
    ":8080/x",
    "//evil.test",
    "//evil.test/v1/x",
    "\\\\evil.test",
    "/\\evil.test",
    "https://evil.test/v1/x",
    "http://api.test/v1/x",
    "https://api.test:8443/v1/x",
    "https://api.test@evil.test/v1/x",
    "https://user@api.test/v1/x",
    "https://api.test/admin",
    "https://api.test/v10",
    "https:evil.test",
    "/../admin",
    "/a/../../admin",
    "..",
    "/%2e%2e/admin",
    "/.%2E/admin",
    "/a%2f..%2f..%2fadmin",
    "file:///etc/passwd",
    "/x\r\nHost: evil.test",
    "/x\ty",
    "/x\0",
    " /x",
    "/x "
  ]

  it.effect("rejects a URL outside the base URL's origin or path and sends nothing", () =>
    Effect.gen(function* () {
      for (const url of hostile) {
        const { api: client, mock } = yield* api(ok)
        expect(yield* failure(client.get(url)), url).toMatchObject({ _tag: "InvalidRequest", reason: "Url" })
        expect(yield* failure(client.execute(HttpClientRequest.post(url))), url).toMatchObject({ reason: "Url" })
        expect(yield* failure(client.httpClient.get(url)), url).toMatchObject({
          _tag: "RequestError",
          reason: "InvalidUrl"
        })
        expect(yield* mock.sent, url).toEqual([])
      }
    })
  )

  it.effect("joins a relative URL to the base URL, with or without slashes", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok)
      for (const url of [
        "/x",
        "x",
        "",
        "?a=1",
        "/a%2Fb/ü",
        "name:verb",
        "https://api.test/v1/next?page=2",
        new URL("https://api.test/v1/u?b=2#f")
      ]) {
        yield* run(client.get(url))
      }
      expect(yield* urls(mock)).toEqual([
        `GET ${base}/x`,
        `GET ${base}/x`,
        `GET ${base}`,
        `GET ${base}?a=1`,
        `GET ${base}/a%2Fb/%C3%BC`,
        `GET ${base}/name:verb`,
        `GET ${base}/next?page=2`,
        // A fragment is not sent (RFC 9110 §7.1).
        `GET ${base}/u?b=2`
      ])
    })
  )

  it("never leaves the base URL's host or path, for any text", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.oneof(
          hostileText(30),
          FastCheck.webUrl(),
          FastCheck.array(
            FastCheck.constantFrom("/", "..", ".", "%2e", "\\", "@", ":", "evil.test", "https:", "?", "#", "v1", "\t")
          ).map((parts) => parts.join(""))
        ),
        (url) =>
          runPromise(
            Effect.gen(function* () {
              const { client, mock } = yield* transport(ok)
              const exit = yield* Effect.exit(
                run(RequestDefaults.policy({ baseUrl: base })(client).execute(HttpClientRequest.get(url)))
              )
              if (exit._tag === "Failure") expect(yield* Effect.flip(exit)).toMatchObject({ _tag: "InvalidRequest" })
              for (const sent of yield* mock.sent) expect(sent.url).toMatch(/^https:\/\/api\.test\/v1([/?#]|$)/)
            })
          )
      ),
      { numRuns: 60 }
    ))
})

describe("RequestDefaults.policy headers", () => {
  it.effect("adds default headers that the request lacks, comparing names case-insensitively", () =>
    Effect.gen(function* () {
      const { api: client, mock } = yield* api(ok, { headers: { Accept: "a/b", "X-Version": "1" } })
      yield* run(client.get("/x"))
      yield* run(client.get("/x", { headers: { ACCEPT: "c/d" } }))
      expect((yield* mock.sent).map(({ headers }) => headers)).toEqual([
        { accept: "a/b", "x-version": "1" },
        { accept: "c/d", "x-version": "1" }
      ])
    })
  )
})
