/** The stored record of a token source, as a state machine: a union of states with pure transitions. */
import * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"

/** A token that replaces the record of version `expectedVersion`, which has the token `previous`. */
export interface PendingWrite {
  readonly token: Token
  readonly expectedVersion: number
  readonly previous: Token | undefined
}

/** The cache is based on the record of this version. 0: no record was read or written. */
export type Clean = { readonly _tag: "Clean"; readonly version: number }

/**
 * The cache has a newer token than the store. `Unwritten`: the refresh that acquired the token writes it. `Unsaved`: that
 * write failed, and is retried.
 */
export type Pending = { readonly _tag: "Unwritten" | "Unsaved"; readonly write: PendingWrite }

export type PersistenceState = Clean | Pending

export const initial: Clean = { _tag: "Clean", version: 0 }

/** A record was read or written. */
export const loaded = (_: Clean, version: number): Clean => ({ _tag: "Clean", version })

/** A token was acquired. It replaces an earlier one that was not saved. */
export const acquired = (_: PersistenceState, write: PendingWrite): Pending => ({ _tag: "Unwritten", write })

/** The write of the refresh failed, or was interrupted. */
export const writeFailed = ({ write }: Pending): Pending => ({ _tag: "Unsaved", write })

/** The token was stored. */
export const saved = (_: Pending, version: number): Clean => ({ _tag: "Clean", version })

/** Another process has stored a newer token, so this one is not stored. */
export const superseded = ({ write }: Pending): Clean => ({ _tag: "Clean", version: write.expectedVersion })

/** The record was removed, for example by a sign-out. */
export const removed = (_: PersistenceState): Clean => initial

/** The token that is not stored yet. */
export const pendingTokenOf = (state: PersistenceState): Token | undefined =>
  state._tag === "Clean" ? undefined : state.write.token

/** The version that the cache is based on. */
export const versionOf = (state: PersistenceState): number =>
  state._tag === "Clean" ? state.version : state.write.expectedVersion

const textOf = (secret: Redacted.Redacted<string> | undefined): string | undefined => secret && Redacted.value(secret)

/** Whether two tokens are the same. A server may issue the same access token with another refresh token. */
export const isSameToken = (one: Token, other: Token | undefined): boolean =>
  textOf(one.accessToken) === textOf(other?.accessToken) && textOf(one.refreshToken) === textOf(other?.refreshToken)
