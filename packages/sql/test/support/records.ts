/** Records of tests, and their errors. */
import * as Token from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { inspect } from "node:util"

/** A text that no error may show. */
export const secret = "s3cr3t-canary"
/** A token with that text. */
export const token = Token.bearer(Redacted.make(secret), 0)
/** The name of a record in the table. */
export const nameOf = (key: string): string => createHash("sha256").update(key, "utf16le").digest("hex")

/** Fails if an error shows a token, a name or a statement. */
export const expectNoSecret = (error: unknown): void => {
  expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toMatch(/s3cr3t|[0-9a-f]{40}|RETURNING|SELECT /)
}

/** The errors of a read, a write and a removal. None of them shows a token or the key. */
export const errorsOf = (store: TokenStore.Service, expected = 0): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    Effect.all([
      Effect.either(store.get("key")),
      Effect.either(store.compareAndSet("key", expected, token)),
      Effect.either(store.remove("key", Math.max(1, expected)))
    ]),
    (results) =>
      results.map((result) => {
        if (result._tag === "Right") return "no error"
        expectNoSecret(result.left)
        return result.left.reason
      })
  )

/** Repeats an effect until it succeeds, for at most some seconds. */
export const eventually = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.retry(effect, { schedule: Schedule.spaced("100 millis"), times: 100 })

/** A test under the live clock, with a scope. */
export const scoped = <E>(name: string, test: () => Effect.Effect<unknown, E, Scope.Scope>): void => {
  it.live(name, () => Effect.scoped(Effect.asVoid(test())))
}
