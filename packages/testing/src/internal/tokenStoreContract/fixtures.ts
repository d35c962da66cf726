import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Case, Harness } from "./harness.js"

/** Prefix of every secret of the cases, so that one search finds leaks. */
export const canary = "canary-"

/** A token with all fields. */
export const token = (text: string): Token => ({
  accessToken: Redacted.make(canary + text),
  tokenType: "Bearer",
  receivedAt: 1_000,
  expiresAt: 61_000,
  refreshToken: Redacted.make(`${canary}refresh-${text}`),
  scope: "read write",
  extra: { instance_url: "https://api.test" },
  owner: { issuer: "https://auth.test", client: "client", account: "alice", audience: "https://api.test" },
  refreshStartedAt: 59_000
})

/** A token with required fields only. */
export const bare: Token = { accessToken: Redacted.make(`${canary}bare`), tokenType: "Bearer", receivedAt: 5 }

/** A token as plain values, for comparison and display. */
export const plain = (token: Token): Readonly<Record<keyof Token, unknown>> => ({
  accessToken: Redacted.value(token.accessToken),
  tokenType: token.tokenType,
  receivedAt: token.receivedAt,
  expiresAt: token.expiresAt,
  refreshToken: token.refreshToken && Redacted.value(token.refreshToken),
  scope: token.scope,
  extra: token.extra && { ...token.extra },
  owner: token.owner && {
    issuer: token.owner.issuer,
    client: token.owner.client,
    account: token.owner.account,
    audience: token.owner.audience
  },
  refreshStartedAt: token.refreshStartedAt
})

type Found = Option.Option<TokenStore.VersionedToken>

/** Version of a record and name of its token; undefined without a record. */
export type Summary = readonly [version: number, name: string] | undefined

const summary = (found: Found): Summary =>
  Option.getOrUndefined(
    Option.map(
      found,
      ({ token, version }) => [version, Redacted.value(token.accessToken).slice(canary.length)] as const
    )
  )

export const read = (store: TokenStore.Service, key = "key"): Effect.Effect<Summary, TokenStoreError> =>
  Effect.map(store.get(key), summary)

/** Stores `token(name)`. Returns the version and name that the store reports. */
export const write = (
  store: TokenStore.Service,
  expected: number,
  name: string,
  key = "key"
): Effect.Effect<Summary, TokenStoreError> => Effect.map(store.compareAndSet(key, expected, token(name)), summary)

/** The error of a store operation, or undefined on success. */
export const failure = <A>(effect: Effect.Effect<A, TokenStoreError>): Effect.Effect<TokenStoreError | undefined> =>
  Effect.match(effect, { onFailure: (error) => error, onSuccess: () => undefined })

/** Ends a case that hangs. No case depends on its value, so it can be long enough for a busy machine. */
const limit = "2 minutes"

/** Makes a case with one store at a new place. It fails when it does not end in time. */
export const over =
  <Place>(harness: Harness<Place>) =>
  (
    name: string,
    run: (store: TokenStore.Service, place: Place) => Effect.Effect<void, unknown, Scope.Scope>
  ): Case => ({
    name,
    run: Effect.flatMap(harness.place, (place) =>
      Effect.flatMap(harness.open(place), (store) => run(store, place))
    ).pipe(Effect.scoped, Effect.timeout(limit))
  })
