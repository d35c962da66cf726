/** Digest against servers of other projects. Each test is skipped where its server is not installed. */
import * as Digest from "@countersign/auth/Digest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { apache, hasApache, hasHttpbin, hasLighttpd, httpbin, lighttpd } from "./support/webServers.js"

const user = { name: "Jäsøn Doe", password: "Secret, or not? ü" }
const plain = { name: "ada", password: "canary:password" }

/** A client, and the statuses of the responses that it received. */
const clientOf = (baseUrl: string, { name, password }: typeof user, options: Partial<Digest.Options> = {}) =>
  Effect.gen(function* () {
    const statuses: Array<number> = []
    const recorded = HttpClient.tap(yield* HttpClient.HttpClient, ({ status }) =>
      Effect.sync(() => statuses.push(status))
    )
    const auth = Digest.make({ username: name, password: Redacted.make(password), ...options })
    const api = yield* Effect.provideService(ApiClient.make({ baseUrl, auth }), HttpClient.HttpClient, recorded)
    return { api, statuses }
  })

const times = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.all(
    Array.from({ length: count }, () => effect),
    { concurrency: 10, discard: true }
  )

describe("Digest", () => {
  const algorithms: ReadonlyArray<Digest.Algorithm> = ["MD5", "SHA-256", "SHA-512-256"]
  for (const [algorithm, userhash] of algorithms.flatMap((one) => [[one, false] as const, [one, true] as const])) {
    const name = `signs in at lighttpd with ${algorithm}${userhash ? " and a hashed user name" : ""}`
    it.scopedLive.skipIf(!hasLighttpd)(name, () =>
      Effect.gen(function* () {
        const account = userhash ? user : plain
        const baseUrl = yield* lighttpd(account, algorithm, userhash)
        const { api, statuses } = yield* clientOf(baseUrl, account, { algorithms: [algorithm] })
        yield* times(50, api.get("/a.txt?x=1&y=%20'"))
        expect(statuses).toEqual([401, ...Array<number>(50).fill(200)])
        const wrong = yield* clientOf(baseUrl, { ...account, password: "wrong" }, { algorithms: [algorithm] })
        expect(yield* Effect.flip(wrong.api.get("/a.txt"))).toMatchObject({ _tag: "Unauthorized" })
        expect(wrong.statuses).toEqual([401, 401])
      }).pipe(Effect.provide(FetchHttpClient.layer))
    )
  }

  it.scopedLive.skipIf(!hasApache)("verifies `rspauth` of apache2, and continues with its `nextnonce`", () =>
    Effect.gen(function* () {
      const { api, statuses } = yield* clientOf(yield* apache(plain, 2), plain, { algorithms: ["MD5"] })
      yield* api.get("/a.txt?x=1&y=%20'")
      // Apache sends another nonce when less than 30 seconds of the lifetime are left.
      yield* times(20, api.get("/a.txt"))
      expect(statuses.filter((status) => status === 401)).toHaveLength(1)
      yield* Effect.sleep("3 seconds")
      yield* times(20, api.get("/a.txt"))
      expect(statuses.filter((status) => status === 200)).toHaveLength(41)
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.scopedLive.skipIf(!hasApache)("succeeds with each of 20 concurrent calls if apache2 accepts a nonce once", () =>
    Effect.gen(function* () {
      const { api, statuses } = yield* clientOf(yield* apache(plain, 0), plain, { algorithms: ["MD5"] })
      const round = Effect.all(
        Array.from({ length: 20 }, () => api.get("/a.txt")),
        { concurrency: "unbounded", discard: true }
      )
      for (let n = 0; n < 5; n++) yield* round
      expect(statuses.filter((status) => status === 200)).toHaveLength(100)
      const before = statuses.length
      for (let n = 0; n < 10; n++) yield* api.get("/a.txt")
      // Each response has the nonce of the next request.
      expect(statuses.slice(before).filter((status) => status === 401).length).toBeLessThanOrEqual(1)
      const wrong = yield* clientOf(yield* apache(plain, 0), { ...plain, password: "wrong" }, { algorithms: ["MD5"] })
      expect(yield* Effect.flip(wrong.api.get("/a.txt"))).toMatchObject({ _tag: "Unauthorized" })
      expect(wrong.statuses).toEqual([401, 401])
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.scopedLive.skipIf(!hasApache)("rejects MD5 of apache2 unless it is allowed", () =>
    Effect.gen(function* () {
      const { api } = yield* clientOf(yield* apache(plain, 300), plain)
      expect(yield* Effect.flip(api.get("/a.txt"))).toMatchObject({ _tag: "ChallengeUnsupported" })
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.scopedLive.skipIf(!hasHttpbin)("signs in at httpbin with each protection and algorithm", () =>
    Effect.gen(function* () {
      // httpbin hashes the decoded path, so the password in the path needs no encoding.
      const account = { name: "ada", password: "secret" }
      const baseUrl = yield* httpbin
      for (const qop of ["auth", "auth-int"]) {
        for (const algorithm of ["MD5", "SHA-256"] as const) {
          const { api, statuses } = yield* clientOf(baseUrl, account, { algorithms: [algorithm] })
          const path = `/digest-auth/${qop}/${account.name}/${account.password}/${algorithm}`
          yield* api.get(path)
          yield* api.get(path)
          expect(statuses).toEqual([401, 200, 200])
        }
      }
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )
})
