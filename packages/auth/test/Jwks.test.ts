import * as Jwks from "@countersign/auth/Jwks"
import type { JwtError } from "@countersign/auth/Jwt"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as jose from "jose"
import { allRenderings } from "./support/allRenderings.js"
import { times } from "./support/tokenSource.js"

const { delay, fail, respond } = MockClient

const uri = "https://auth.test/keys?v=1"

const published = (kid: string) =>
  Effect.promise(async () => {
    const { publicKey } = await jose.generateKeyPair("ES256", { extractable: true })
    return { ...(await jose.exportJWK(publicKey)), kid }
  })

const [one, two] = await Effect.runPromise(Effect.all([published("one"), published("two")]))

const set = (keys: ReadonlyArray<unknown>, headers: MockClient.Headers = {}): MockClient.Step =>
  respond(200, { keys }, headers)

/** A key set over scripted responses, and the times of its requests in seconds. */
const over = (script: MockClient.Script, options: Partial<Jwks.Options> = {}) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(script)
    const jwks = yield* Effect.provideService(Jwks.make({ uri, ...options }), HttpClient.HttpClient, client)
    return {
      find: (kid?: string, alg = "ES256") => jwks.getKeys({ alg, kid }),
      asked: Effect.map(mock.sent, (sent) => sent.map(({ at }) => at / 1000)),
      mock
    }
  })

/** Lets promises settle between two steps of the test clock. */
const settled = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

const reasonOf = <A>(found: Effect.Effect<A, JwtError>) => Effect.map(Effect.flip(found), ({ reason }) => reason)

describe("Jwks.make", () => {
  it.effect("fetches the set once for 100 concurrent callers, and caches it", () =>
    Effect.gen(function* () {
      const { asked, find, mock } = yield* over([delay("1 second", set([one, two]))])
      const fiber = yield* Effect.fork(times(100, find("one")))
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber)).every((keys) => keys.length === 1)).toBe(true)
      yield* TestClock.adjust("9 minutes")
      yield* find("two")
      expect(yield* asked).toEqual([0])
      expect((yield* mock.sent)[0]).toMatchObject({ method: "GET", url: uri })
    })
  )

  it.effect("continues a fetch for other callers when the first caller is interrupted", () =>
    Effect.gen(function* () {
      const { asked, find } = yield* over([delay("1 second", set([one]))])
      const first = yield* Effect.fork(find("one"))
      yield* settled
      const second = yield* Effect.fork(find("one"))
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(second)).toHaveLength(1)
      expect(yield* asked).toEqual([0])
    })
  )

  it.effect.each<readonly [string, MockClient.Headers, number]>([
    ["ten minutes without cache-control", {}, 600],
    ["the max-age of the response", { "cache-control": "public, max-age=3600" }, 3600],
    ["one minute when max-age is shorter", { "cache-control": "max-age=0, must-revalidate" }, 60],
    ["one day when max-age is longer", { "cache-control": "max-age=9999999999" }, 86_400],
    ["ten minutes with other directives", { "cache-control": "s-maxage=5, x-max-age=7" }, 600],
    ["ten minutes when max-age is invalid", { "cache-control": "max-age=soon" }, 600]
  ])("caches the set for %s", ([_, headers, seconds]) =>
    Effect.gen(function* () {
      const { asked, find } = yield* over(() => set([one], headers))
      yield* find("one")
      yield* TestClock.setTime(seconds * 1000 - 1)
      yield* find("one")
      expect(yield* asked).toEqual([0])
      yield* TestClock.setTime(seconds * 1000)
      yield* find("one")
      expect(yield* asked).toEqual([0, seconds])
    })
  )

  it.effect("fetches the set again after the clock was set back", () =>
    Effect.gen(function* () {
      const { asked, find } = yield* over(() => set([one]))
      yield* TestClock.setTime(3600_000)
      yield* find("one")
      yield* TestClock.setTime(0)
      yield* find("one")
      expect(yield* asked).toEqual([3600, 0])
    })
  )
})

describe("Jwks.getKeys", () => {
  it.effect("fetches the set again for an unknown kid after 30 seconds", () =>
    Effect.gen(function* () {
      const { asked, find } = yield* over([set([one]), set([one, two])])
      yield* find("one")
      yield* TestClock.adjust("30 seconds")
      expect(yield* find("two")).toHaveLength(1)
      expect(yield* asked).toEqual([0, 30])
    })
  )

  it.effect("fetches the set every 30 seconds at most, for any number of unknown kids", () =>
    Effect.gen(function* () {
      const { asked, find } = yield* over(() => set([one]))
      for (let second = 0; second < 90; second++) {
        for (let n = 0; n < 3; n++) {
          expect(yield* reasonOf(find(`forged-${second}-${n}`))).toBe("Key")
        }
        yield* TestClock.adjust("1 second")
      }
      expect(yield* asked).toEqual([0, 30, 60])
    })
  )

  it.effect("fetches the set once for 50 concurrent callers with an unknown kid", () =>
    Effect.gen(function* () {
      const { asked, find } = yield* over([set([one]), delay("1 second", set([two]))])
      yield* find("one")
      yield* TestClock.adjust("1 minute")
      const fiber = yield* Effect.fork(times(50, find("two")))
      yield* settled
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toHaveLength(50)
      expect(yield* asked).toEqual([0, 60])
    })
  )

  it.effect("fails with Unavailable, not Key, when the set cannot be fetched again", () =>
    Effect.gen(function* () {
      const { asked, find } = yield* over([set([one]), fail("ECONNREFUSED")])
      yield* find("one")
      yield* TestClock.adjust("1 minute")
      expect(yield* reasonOf(find("two"))).toBe("Unavailable")
      expect(yield* reasonOf(find("two"))).toBe("Unavailable")
      expect(yield* asked).toEqual([0, 60])
    })
  )

  it.effect("ignores keys of another algorithm or use, and secret keys", () =>
    Effect.gen(function* () {
      const secret = { kty: "oct", k: "c2VjcmV0", kid: "secret" }
      const { find } = yield* over(() => set([one, { ...two, use: "enc" }, secret]))
      for (const [kid, alg] of [
        ["one", "RS256"],
        ["one", "ES384"],
        ["two", "ES256"],
        ["secret", "HS256"],
        ["one", "none"],
        ["one", "__proto__"]
      ] as const) {
        expect(yield* reasonOf(find(kid, alg))).toBe("Key")
      }
    })
  )
})

describe("Jwks.getKeys without kid", () => {
  it.effect("returns all matching keys, ten at most", () =>
    Effect.gen(function* () {
      const { find } = yield* over([set([one, two])])
      expect(yield* find()).toHaveLength(2)
      const many = yield* over([set(Array.from({ length: 100 }, () => one))])
      expect(yield* many.find()).toHaveLength(10)
    })
  )
})

describe("Jwks with an unavailable server", () => {
  it.effect("retries every 30 seconds, and uses the cached set for one day", () =>
    Effect.gen(function* () {
      const { asked, find } = yield* over((_, index) => (index === 0 ? set([one]) : respond(503, "busy")))
      yield* find("one")
      for (const second of [600, 601, 629, 630, 86_399]) {
        yield* TestClock.setTime(second * 1000)
        expect(yield* find("one")).toHaveLength(1)
      }
      expect(yield* asked).toEqual([0, 600, 630, 86_399])
      yield* TestClock.setTime(86_400_000)
      expect(yield* reasonOf(find("one"))).toBe("Unavailable")
    })
  )

  it.effect("retries every second when the first fetch failed", () =>
    Effect.gen(function* () {
      const { asked, find } = yield* over([fail("ECONNREFUSED"), set([one])])
      expect(yield* reasonOf(find("one"))).toBe("Unavailable")
      yield* TestClock.adjust("999 millis")
      expect(yield* reasonOf(find("one"))).toBe("Unavailable")
      yield* TestClock.adjust("1 millis")
      yield* find("one")
      expect(yield* asked).toEqual([0, 1])
    })
  )

  it.effect("waits ten seconds for a response, and then uses the cached set", () =>
    Effect.gen(function* () {
      const { asked, find } = yield* over([set([one]), MockClient.never])
      yield* find("one")
      yield* TestClock.setTime(600_000)
      const fiber = yield* Effect.fork(find("one"))
      yield* settled
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toHaveLength(1)
      expect(yield* find("one")).toHaveLength(1)
      expect(yield* asked).toEqual([0, 600])
    })
  )
})

describe("JWK Set response", () => {
  it.effect.each<readonly [string, MockClient.Step]>([
    ["of 10 MiB", respond(200, `{"keys":[${" ".repeat(10 << 20)}]}`)],
    ["of 101 keys", set(Array.from({ length: 101 }, () => one))],
    ["that redirects", respond(302, "", { location: "https://evil.test/keys" })],
    ["of HTML", respond(200, "<html>")],
    ["that is a list", respond(200, [one])],
    ["without keys", respond(200, {})],
    ["with a string as keys", respond(200, { keys: "one" })],
    [
      "nested 60000 levels deep",
      respond(200, `{"keys":[{"kty":"EC","x":${"[".repeat(60_000)}${"]".repeat(60_000)}}]}`)
    ],
    ["that is truncated", MockClient.truncated(200, '{"keys":[')],
    ["with status 404", respond(404)]
  ])("fails with Unavailable after a response %s", ([_, answer]) =>
    Effect.gen(function* () {
      const { find, mock } = yield* over([answer])
      expect(yield* reasonOf(find("one"))).toBe("Unavailable")
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("skips invalid keys, and uses the valid one", () =>
    Effect.gen(function* () {
      const { find } = yield* over(() =>
        set([null, 7, "x", [], {}, { kty: 7 }, { kty: "EC", kid: "bad" }, { kty: "??" }, one])
      )
      expect(yield* find("one")).toHaveLength(1)
      expect(yield* reasonOf(find("bad"))).toBe("Key")
    })
  )

  it.effect("ignores a private key, and does not show it", () =>
    Effect.gen(function* () {
      const { privateKey } = yield* Effect.promise(() => jose.generateKeyPair("ES256", { extractable: true }))
      const jwk = yield* Effect.promise(() => jose.exportJWK(privateKey))
      const { find } = yield* over(() => set([{ ...jwk, kid: "one" }]))
      const error = yield* Effect.flip(find("one"))
      expect(error.reason).toBe("Key")
      expect(allRenderings(error)).not.toContain(jwk.d)
    })
  )
})

describe("uri of a JWK Set", () => {
  it.effect("accepts https, and http on loopback with dangerouslyAllowHttpOnLoopback", () =>
    Effect.gen(function* () {
      const plain: Partial<Jwks.Options> = { transport: OAuth2.dangerouslyAllowHttpOnLoopback }
      const refused: ReadonlyArray<readonly [string, Partial<Jwks.Options>]> = [
        ["http://auth.test/keys", {}],
        ["http://127.0.0.1/keys", {}],
        ["http://auth.test/keys", plain],
        ["https://u:p@auth.test/keys", {}],
        ["file:///etc/keys", {}],
        ["keys", {}]
      ]
      for (const [at, options] of refused) {
        expect(yield* Effect.flip(over([], { uri: at, ...options }))).toMatchObject({ _tag: "InvalidRequest" })
      }
      const { find } = yield* over([set([one])], { uri: "http://127.0.0.1:8080/keys", ...plain })
      expect(yield* find("one")).toHaveLength(1)
    })
  )
})

describe("Jwks.fromJson", () => {
  it.effect("reads a set from JSON, and rejects sets that are invalid or too large", () =>
    Effect.gen(function* () {
      const jwks = yield* Jwks.fromJson(JSON.stringify({ keys: [one] }))
      expect(yield* jwks.getKeys({ alg: "ES256", kid: "one" })).toHaveLength(1)
      expect(yield* reasonOf(jwks.getKeys({ alg: "ES256", kid: "two" }))).toBe("Key")
      for (const text of ["", "{}", "[]", JSON.stringify({ keys: Array.from({ length: 101 }, () => one) })]) {
        expect(yield* reasonOf(Jwks.fromJson(text))).toBe("Key")
      }
    })
  )
})
