import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/client/Errors"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { same, violation } from "./contractViolation.js"
import { bare, failure, over, plain, read, token, write } from "./fixtures.js"
import type { Case, Harness } from "./harness.js"

/** Texts that are a path, a part of an object, nothing, or not well-formed. */
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

/** A token that has a text wherever it may have one. */
const tokenOf = (text: string): Token => ({
  ...token(`of ${text}`),
  scope: text,
  issued: { issuer: text, client: text, account: text, audience: text }
})

/** Stores a token under "key", or nothing: what is read is the new one or, where it was refused, the old one. */
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

/** Most time that one attempt may take that cannot be stored: whoever looks at its length first needs none. */
const patience = Duration.seconds(5)

/** Whether it is stored or refused: in little time, in few words, and never by a defect. */
const quick = (what: string, attempt: Effect.Effect<unknown, TokenStoreError>) =>
  Effect.gen(function* () {
    const [took, error] = yield* Effect.timed(failure(attempt))
    if (Duration.greaterThan(took, patience)) yield* violation(`${what} took ${Duration.format(took)}`)
    const text = error === undefined ? "" : error.message + inspect(error)
    if (text.length > 8192) yield* violation(`the error of ${what} has ${text.length} characters`)
  })

const lengths: ReadonlyArray<readonly [what: string, key: () => string, token: () => string]> = [
  ["a key and a token of 4 MiB", () => "x".repeat(2 ** 22), () => "x".repeat(2 ** 22)],
  // The token is six times as long as JSON, which no string can be.
  ["a key of 16 MiB and a token of 128 MiB", () => "\u0000".repeat(2 ** 24), () => "\u0000".repeat(2 ** 27)]
]

/** Keys and values that mean harm, or that nobody thought of. */
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
    test("keeps any two keys apart, whatever characters they hold", (store) =>
      Effect.gen(function* () {
        const keys = texts(11)
        for (const [n, key] of keys.entries()) yield* write(store, 0, `t${n}`, key)
        for (const [n, key] of keys.entries()) {
          yield* same(`the record of ${JSON.stringify(key)}`, yield* read(store, key), [1, `t${n}`])
        }
        yield* same("what every object has", Object.hasOwn(Object.prototype, "token"), false)
      })),
    test("gives back a token of any texts as it was, or refuses it", (store) =>
      Effect.gen(function* () {
        let version = 0
        for (const text of texts(12)) version = yield* storedOrRefused(store, version, tokenOf(text))
        yield* same("what every object has", Object.hasOwn(Object.prototype, "issuer"), false)
      })),
    test("gives back a token that makes no sense as it was, or refuses it", (store) =>
      Effect.gen(function* () {
        let version = 0
        for (const time of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, Number.MAX_VALUE]) {
          for (const field of ["obtainedAt", "expiresAt", "refreshingSince"] as const) {
            version = yield* storedOrRefused(store, version, { ...bare, [field]: time })
          }
        }
        yield* storedOrRefused(store, version, { ...bare, tokenType: "", accessToken: Redacted.make("") })
      })),
    unharmed("is not harmed by what is no token at all", (store) =>
      Effect.forEach(
        [null, 5, "token", [], {}, { ...bare, accessToken: "plain" }, { ...bare, issued: [] }],
        // JavaScript has no types to keep these out.
        (value, n) => failure(store.compareAndSet(`odd-${n}`, 0, value as unknown as Token)),
        { discard: true }
      )
    ),
    ...lengths.map(([what, key, secret]) =>
      unharmed(`stores ${what} in good time, or refuses them, and harms nothing else`, (store) =>
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
