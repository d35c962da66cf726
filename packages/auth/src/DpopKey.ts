/**
 * DPoP keys in the token store: tokens stay usable after a restart, and in other processes that share the store.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenStoreError } from "./Errors.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Dpop from "./Dpop.js"
import * as IndexedDbKeys from "./internal/dpop/indexedDb.js"
import * as OptionNames from "./internal/oauth/optionNames.js"
import * as GuardedStore from "./internal/store/guardedStore.js"
import * as TokenKey from "./TokenKey.js"
import * as TokenStore from "./TokenStore.js"

/**
 * Identifies the key: it belongs to the tokens of this issuer, client and account.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The issuer of the authorization server. */
  readonly issuer: string
  /** The client id. */
  readonly clientId: string
  /** The account, if the store contains the tokens of several users. */
  readonly account?: string | undefined
}

/** No access token has this type, so the record is never sent to an API. */
const tokenType = "JWK"

const noKey = new TokenStoreError({
  reason: "UnsupportedFormat",
  detail: "the stored record is not a DPoP key. Use a separate store for the key."
})

const keyOf = ({ account, clientId: client, issuer }: Options): string =>
  // A resource has no fragment (RFC 8707 §2), so no token has this key.
  TokenKey.format({ issuer, client, account, resource: "#dpop" })

const contested = new TokenStoreError({
  reason: "WriteFailed",
  detail: "the DPoP key was neither stored nor found. Try again."
})

/**
 * Reads the DPoP key from the token store, or creates an ES256 key and stores it.
 *
 * Concurrent callers get the same key, also in other processes. The returned key cannot be exported from this process. The
 * record contains the private key as a JWK: use a store that only this application can read, an `EncryptedTokenStore` or
 * the keychain.
 *
 * Fails with `TokenStoreError` if the store cannot be read or written, or if the record contains something else
 * (`UnsupportedFormat`). Fails with `InvalidRequest` if the key in the record cannot sign proofs.
 *
 * Specification: [RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5).
 *
 * @example
 * import * as DpopKey from "@countersign/auth/DpopKey"
 * import * as RefreshToken from "@countersign/auth/RefreshToken"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const client = { issuer: "https://auth.example.com", clientId: "cli" }
 *
 * const AuthLive = Layer.unwrapEffect(
 *   Effect.map(DpopKey.fromStore(client), (dpop) => RefreshToken.layer({ ...client, dpop }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromStore = (
  options: Options
): Effect.Effect<Dpop.Key, InvalidRequest | TokenStoreError, TokenStore.TokenStore> =>
  Effect.gen(function* () {
    yield* OptionNames.check(options)
    const { account, clientId: client, issuer } = options
    const issued = { issuer, client, account }
    const record = GuardedStore.make(yield* TokenStore.TokenStore, keyOf(options), issued)
    const found = yield* read(record)
    if (Option.isSome(found)) return found.value
    const accessToken = yield* Dpop.toJwk(yield* Dpop.generateExtractableKey)
    const receivedAt = yield* Clock.currentTimeMillis
    yield* record.compareAndSet(0, { accessToken, tokenType, receivedAt, owner: issued })
    // The new key, or the one that another process stored first.
    return yield* Effect.flatMap(read(record), Option.match({ onNone: () => contested, onSome: Effect.succeed }))
  })

const read = (
  record: GuardedStore.GuardedRecord
): Effect.Effect<Option.Option<Dpop.Key>, InvalidRequest | TokenStoreError> =>
  Effect.gen(function* () {
    const stored = yield* record.get
    if (Option.isNone(stored)) return Option.none()
    const { token } = stored.value
    if (token.tokenType !== tokenType) return yield* noKey
    return Option.some(yield* Dpop.fromJwk(token.accessToken))
  })

/**
 * The part of IndexedDB that {@link fromIndexedDb} uses. `globalThis.indexedDB` of a browser has it.
 *
 * @since 0.1.0
 * @category models
 */
export type IndexedDb = IndexedDbKeys.IndexedDb

/**
 * Reads the DPoP key of a web page from IndexedDB, or creates an ES256 key and stores it.
 *
 * No script can export the private key, also not one that an attacker injects: IndexedDB stores the key itself, and not its
 * bytes. All tabs of an origin get the same key. It is in the database `countersign`.
 *
 * Fails with `TokenStoreError` if the browser refuses to store data, as in some private windows, and if the record contains
 * something else (`UnsupportedFormat`).
 *
 * Specification: [RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5).
 *
 * @example
 * import * as DpopKey from "@countersign/auth/DpopKey"
 *
 * // In a browser, pass `indexedDB`.
 * declare const indexedDB: DpopKey.IndexedDb
 *
 * const key = DpopKey.fromIndexedDb(indexedDB, { issuer: "https://auth.example.com", clientId: "page" })
 *
 * @param indexedDb - `indexedDB` of the page.
 * @param options - identify the key.
 * @since 0.1.0
 * @category constructors
 */
export const fromIndexedDb = (
  indexedDb: IndexedDb,
  options: Options
): Effect.Effect<Dpop.Key, InvalidRequest | TokenStoreError> =>
  Effect.zipRight(OptionNames.check(options), IndexedDbKeys.readOrAdd(indexedDb, keyOf(options), Dpop.generateKey))
