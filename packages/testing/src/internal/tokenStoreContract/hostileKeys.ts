import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { same, violation } from "./contractViolation.js"
import { bare, failure, over, plain, read, token, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"

/** Texts that are a path, a property name, empty, or not well-formed. */
const odd = [
  "",
  " ",
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "a/b",
  "a\u0000b",
  "A/B",
  "a/B",
  '{"a":1}',
  "a\r\nb",
  "ä",
  "a\u0308",
  "\ud800",
  "\ufffd"
]

const texts = (seed: number): ReadonlyArray<string> => [
  ...new Set([...odd, ...FastCheck.sample(FastCheck.string({ unit: "binary" }), { numRuns: 20, seed })])
]

/** A token with a text in every text field. */
const tokenOf = (text: string): Token => ({
  ...token(`of ${text}`),
  scope: text,
  owner: { issuer: text, client: text, account: text, audience: text }
})

/** Stores a token under "key". Then the store must return it, or the previous one if it rejected the write. */
const storedOrRefused = (store: TokenStore.Service, expected: number, next: Token) =>
  Effect.gen(function* () {
    const before = yield* store.get("key")
    const error = yield* failure(store.compareAndSet("key", expected, next))
    const after = Option.map(yield* store.get("key"), ({ token, version }) => [version, plain(token)])
    const old = Option.map(before, ({ token, version }) => [version, plain(token)])
    const wanted = error === undefined ? Option.some([expected + 1, plain(next)]) : old
    yield* same(error === undefined ? "what was stored" : "what was there", after, wanted)
    return error === undefined ? expected + 1 : expected
  })

/** Maximum time of a write that the store rejects. A store that checks the length first needs almost none. */
const patience = Duration.seconds(5)

/** Checks that an operation succeeds or fails quickly, with a short error, and without a defect. */
const quick = (what: string, attempt: Effect.Effect<unknown, TokenStoreError>) =>
  Effect.gen(function* () {
    const [took, error] = yield* Effect.timed(failure(attempt))
    if (Duration.greaterThan(took, patience)) yield* violation(`${what} took ${Duration.format(took)}`)
    const text = error === undefined ? "" : error.message + inspect(error)
    if (text.length > 8192) yield* violation(`the error of ${what} has ${text.length} characters`)
  })

const lengths: ReadonlyArray<readonly [what: string, key: () => string, token: () => string]> = [
  ["a key and a token of 4 MiB", () => "x".repeat(2 ** 22), () => "x".repeat(2 ** 22)],
  // As JSON, the token is six times as long, which exceeds the maximum string length.
  ["a key of 16 MiB and a token of 128 MiB", () => "\u0000".repeat(2 ** 24), () => "\u0000".repeat(2 ** 27)]
]

/** Cases of hostile and unexpected keys and values. */
export const hostile = <Place>(harness: Harness<Place>): ReadonlyArray<Case> => {
  const test = over(harness)
  const unharmed = (name: string, attempts: (store: TokenStore.Service) => Effect.Effect<void, unknown>) =>
    test(name, (store) =>
      Effect.gen(function* () {
        yield* write(store, 0, "a")
        yield* attempts(store)
        yield* same("the record", yield* read(store), [1, "a"])
        yield* same("the next one", yield* write(store, 1, "b"), [2, "b"])
      })
    )
  return [
    test("separates any two keys, whatever characters they contain", (store) =>
      Effect.gen(function* () {
        const keys = texts(11)
        for (const [n, key] of keys.entries()) yield* write(store, 0, `t${n}`, key)
        for (const [n, key] of keys.entries()) {
          yield* same(`the record of ${JSON.stringify(key)}`, yield* read(store, key), [1, `t${n}`])
        }
        yield* same("whether Object.prototype has a token", Object.hasOwn(Object.prototype, "token"), false)
      })),
    test("returns a token with any texts unchanged, or rejects it", (store) =>
      Effect.gen(function* () {
        let version = 0
        for (const text of texts(12)) version = yield* storedOrRefused(store, version, tokenOf(text))
        yield* same("whether Object.prototype has an issuer", Object.hasOwn(Object.prototype, "issuer"), false)
      })),
    test("returns a token with invalid times unchanged, or rejects it", (store) =>
      Effect.gen(function* () {
        let version = 0
        for (const time of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, Number.MAX_VALUE]) {
          for (const field of ["receivedAt", "expiresAt", "refreshStartedAt"] as const) {
            version = yield* storedOrRefused(store, version, { ...bare, [field]: time })
          }
        }
        yield* storedOrRefused(store, version, { ...bare, tokenType: "", accessToken: Redacted.make("") })
      })),
    unharmed("stays usable after values that are no tokens", (store) =>
      Effect.forEach(
        [null, 5, "token", [], {}, { ...bare, accessToken: "plain" }, { ...bare, owner: [] }],
        // JavaScript callers have no types that prevent these values.
        (value, n) => failure(store.compareAndSet(`odd-${n}`, 0, value as unknown as Token)),
        { discard: true }
      )
    ),
    ...lengths.map(([what, key, secret]) =>
      unharmed(`stores ${what} quickly or rejects them, and stays usable`, (store) =>
        Effect.gen(function* () {
          const large = { ...bare, accessToken: Redacted.make(secret()) }
          yield* quick("a write of a long token", store.compareAndSet("large", 0, large))
          yield* quick("a write to a long key", write(store, 0, "b", key()))
          yield* quick("a read of a long key", store.get(`${key()}b`))
          yield* quick("a removal of a long key", store.remove(`${key()}b`, 1))
          yield* quick("holding a long key", store.withLock(key())(Effect.void))
        })
      )
    )
  ]
}
