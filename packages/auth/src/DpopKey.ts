/**
 * The key that tokens are bound to, kept where the tokens are kept: so that those of an earlier run, and of other processes
 * that share the store, are of use.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenStoreError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Dpop from "./Dpop.js"
import * as Guarded from "./internal/store/guardedStore.js"
import * as TokenKey from "./TokenKey.js"
import * as TokenStore from "./TokenStore.js"

/**
 * Whose key it is: those of the tokens that are bound to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly issuer: string
  readonly clientId: string
  readonly account?: string | undefined
}

/** No token is of this type: what is filed here is sent to nobody. */
const tokenType = "JWK"

const noKey = new TokenStoreError({
  reason: "UnsupportedFormat",
  detail: "what is filed where the key of the tokens should be is none: give each its own place"
})

const contested = new TokenStoreError({
  reason: "WriteFailed",
  detail: "the key of the tokens was neither stored nor found: try again"
})

/**
 * The key in the store, or a new one (ES256) that is in the store from then on. Whoever asks for it at the same time, in
 * whichever process, gets the same. It cannot be taken out of this process again; the record holds it as a JWK, so put it
 * where nobody else reads, in an `EncryptedTokenStore` or the keychain.
 *
 * Fails with `TokenStoreError` where the store cannot be read or written, or something else is filed there (`UnsupportedFormat`), and
 * with `InvalidRequest` where the record is no key that makes proofs.
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
export const fromStore = ({
  account,
  clientId: client,
  issuer
}: Options): Effect.Effect<Dpop.Key, InvalidRequest | TokenStoreError, TokenStore.TokenStore> =>
  Effect.gen(function* () {
    const issued = { issuer, client, account }
    // A resource has no fragment (RFC 8707 §2): no token is filed here.
    const key = TokenKey.format({ issuer, client, account, resource: "#dpop" })
    const record = Guarded.make(yield* TokenStore.TokenStore, key, issued)
    const found = yield* read(record)
    if (Option.isSome(found)) return found.value
    const accessToken = yield* Dpop.toJwk(yield* Dpop.generateExtractableKey)
    const receivedAt = yield* Clock.currentTimeMillis
    yield* record.compareAndSet(0, { accessToken, tokenType, receivedAt, owner: issued })
    // Its own, or that of whoever was faster.
    return yield* Effect.flatMap(read(record), Option.match({ onNone: () => contested, onSome: Effect.succeed }))
  })

const read = (record: Guarded.Guarded): Effect.Effect<Option.Option<Dpop.Key>, InvalidRequest | TokenStoreError> =>
  Effect.gen(function* () {
    const stored = yield* record.get
    if (Option.isNone(stored)) return Option.none()
    const { token } = stored.value
    if (token.tokenType !== tokenType) return yield* noKey
    return Option.some(yield* Dpop.fromJwk(token.accessToken))
  })
