import * as Token from "@countersign/auth/Token"
import type { VersionedToken } from "@countersign/auth/TokenStore"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { join } from "node:path"
import { folder } from "./folder.js"

/** Every secret of these tests begins with this text, so that one search finds a leak. */
export const canary = "canary-"

export const token = (text: string): Token.Token => ({
  accessToken: Redacted.make(`${canary}${text}`),
  tokenType: "Bearer",
  receivedAt: 1_000,
  expiresAt: 2_000,
  refreshToken: Redacted.make(`${canary}refresh-${text}`),
  scope: "read write"
})

export const small = (text: string): Token.Token => Token.bearer(Redacted.make(`${canary}${text}`), 0)

export const textOf = (stored: Option.Option<VersionedToken>): string | undefined =>
  Option.getOrUndefined(Option.map(stored, ({ token }) => Redacted.value(token.accessToken)))

export const versionOf = (stored: Option.Option<VersionedToken>): number | undefined =>
  Option.getOrUndefined(stored)?.version

/** The path of a file in a folder, both of which do not exist yet. */
export const file: Effect.Effect<string, never, Scope.Scope> = Effect.map(folder, (path) =>
  join(path, "app", "tokens.json")
)

export const storeIn = (path: string) => FileTokenStore.make({ path, lockTimeout: "200 millis" })

/** A store with one record: the path of its file, and the store. */
export const usedStore = Effect.gen(function* () {
  const path = yield* file
  const store = yield* storeIn(path)
  yield* store.compareAndSet("key", 0, small("old"))
  return { path, store }
})
