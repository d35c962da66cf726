import type { Token } from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"
import * as EncryptionKey from "../../EncryptionKey.js"
import { fromBase64, saltBytes } from "./keyDerivation.js"

/** The key that encrypts, and all keys that decrypt, by id. */
export interface KeyRing {
  readonly current: EncryptionKey.EncryptionKey
  readonly all: ReadonlyMap<string, EncryptionKey.EncryptionKey>
}

/** The record of the salt. No key of `TokenKey` begins with these characters. */
export const saltKey = "\u0000countersign/salt"

const tokenType = "salt/v1"

const newSalt: Effect.Effect<Token> = Effect.sync(() => ({
  accessToken: Redacted.make(randomBytes(saltBytes).toString("base64")),
  tokenType,
  receivedAt: 0
}))

const corruptSalt = () =>
  new TokenStoreError({
    reason: "Corrupt",
    detail: "the salt of the passphrase is invalid. It was not changed. Restore it, or start with an empty store."
  })

/** The salt of a store. The first process creates it, and all others read the same one. */
const readOrCreateSalt = (store: TokenStore.Service): Effect.Effect<Uint8Array, TokenStoreError> =>
  Effect.gen(function* () {
    let stored = yield* store.get(saltKey)
    if (Option.isNone(stored)) stored = yield* store.compareAndSet(saltKey, 0, yield* newSalt)
    if (Option.isNone(stored)) stored = yield* store.get(saltKey)
    const token = Option.getOrUndefined(stored)?.token
    if (token === undefined || token.tokenType !== tokenType) return yield* corruptSalt()
    return fromBase64(Redacted.value(token.accessToken), saltBytes) ?? (yield* corruptSalt())
  })

/** The keys of a store. Passphrases are derived one after the other, because each needs 128 MiB. */
export const make = (
  store: TokenStore.Service,
  current: EncryptionKey.KeySource,
  previousKeys: ReadonlyArray<EncryptionKey.KeySource>
): Effect.Effect<KeyRing, TokenStoreError> =>
  Effect.gen(function* () {
    const salt = yield* Effect.cached(readOrCreateSalt(store))
    const [first, ...others] = yield* Effect.forEach([current, ...previousKeys] as const, (source) =>
      source._tag === "EncryptionKey"
        ? Effect.succeed(source)
        : Effect.flatMap(salt, (bytes) => EncryptionKey.fromPassphrase(source.passphrase, bytes))
    )
    return { current: first, all: new Map([first, ...others].map((key) => [key.id, key])) }
  })
