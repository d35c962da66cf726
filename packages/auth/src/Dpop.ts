/**
 * DPoP (RFC 9449): access tokens that are bound to a key. Each request proves that the client has the key.
 *
 * Specification: [RFC 9449](https://www.rfc-editor.org/rfc/rfc9449).
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import type { TokenSourceError } from "./Errors.js"
import { TokenError } from "./Errors.js"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import * as StepUp from "./StepUp.js"
import * as Presented from "./internal/dpop/credentialId.js"
import type { Key } from "./internal/dpop/proof.js"
import * as Proof from "./internal/dpop/proof.js"
import { withWebCrypto } from "./internal/hash/webCrypto.js"
import { ServerHints } from "./internal/dpop/serverHints.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { blank, isBlank } from "./internal/schemes/invalidCredential.js"
import { makeOffer } from "./internal/schemes/offer.js"
import * as TokenSource from "./TokenSource.js"

export type { Key } from "./internal/dpop/proof.js"

/**
 * Creates an ES256 key pair with a private key that cannot be exported from this process.
 *
 * Tokens that are bound to it cannot be used after a restart. The refresh tokens of a public client are bound to it as
 * well: a client that stores them needs {@link generateExtractableKey}.
 *
 * Fails with `InvalidRequest { reason: "Credentials" }` where `crypto.subtle` is missing, as on web pages without HTTPS.
 *
 * @example
 * import * as ClientCredentials from "@countersign/auth/ClientCredentials"
 * import * as Dpop from "@countersign/auth/Dpop"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = Layer.unwrapEffect(
 *   Effect.map(Dpop.generateKey, (dpop) =>
 *     ClientCredentials.layer({
 *       issuer: "https://id.example.com",
 *       clientId: "my-service",
 *       clientSecret: Redacted.make("secret"),
 *       dpop
 *     })
 *   )
 * )
 *
 * @since 0.1.0
 * @category keys
 */
export const generateKey: Effect.Effect<Key, InvalidRequest> = /* @__PURE__ */ withWebCrypto(() =>
  oauth.generateKeyPair("ES256")
)

/**
 * Creates an ES256 key pair that {@link toJwk} can export.
 *
 * Store the key where its tokens are stored, and protect both: together they are enough to send requests. Fails as
 * {@link generateKey} does.
 *
 * @since 0.1.0
 * @category keys
 */
export const generateExtractableKey: Effect.Effect<Key, InvalidRequest> = /* @__PURE__ */ withWebCrypto(() =>
  oauth.generateKeyPair("ES256", { extractable: true })
)

const notExtractable = new InvalidRequest({
  reason: "Credentials",
  detail: "the DPoP key is not extractable. Create it with `Dpop.generateExtractableKey`."
})

const noJwk = new InvalidRequest({
  reason: "Credentials",
  detail: "the DPoP key is not a private JWK for P-256, P-384, P-521 or Ed25519."
})

/**
 * Exports a key as a JWK in JSON, including the private key.
 *
 * Fails with `InvalidRequest { reason: "Credentials" }` if the key is not extractable.
 *
 * Specification: [RFC 7518 §6.2.2](https://www.rfc-editor.org/rfc/rfc7518#section-6.2.2).
 *
 * @since 0.1.0
 * @category encoding
 */
export const toJwk = (key: Key): Effect.Effect<Redacted.Redacted<string>, InvalidRequest> =>
  Effect.map(Effect.tryPromise({ try: () => Proof.toJwk(key), catch: () => notExtractable }), Redacted.make)

/**
 * Imports a key from a JWK, such as one that {@link toJwk} exported, so that tokens stay usable after a restart.
 *
 * The imported key cannot be exported again, except with `extractable: true`. Fails with
 * `InvalidRequest { reason: "Credentials" }` if the JWK is not a private key for P-256, P-384, P-521 or Ed25519.
 *
 * Specification: [RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4).
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromJwk = (
  jwk: Redacted.Redacted<string>,
  options: { readonly extractable?: boolean | undefined } = {}
): Effect.Effect<Key, InvalidRequest> =>
  OptionNames.check("`Dpop.fromJwk`", { ...options, jwk }, { extractable: true, jwk: "secret" }).pipe(
    Effect.zipRight(withWebCrypto(() => Proof.read(Redacted.value(jwk), options.extractable === true))),
    Effect.flatMap((key) => (key === undefined ? Effect.fail(noJwk) : Effect.succeed(key)))
  )

/**
 * The JWK thumbprint by which servers identify a key (`jkt`, `dpop_jkt`). It reveals nothing of the private key.
 *
 * Fails with `InvalidRequest` if the public key cannot be exported.
 *
 * Specification: [RFC 9449 §6.1](https://www.rfc-editor.org/rfc/rfc9449#section-6.1),
 * [RFC 7638 §3](https://www.rfc-editor.org/rfc/rfc7638#section-3).
 *
 * @since 0.1.0
 * @category keys
 */
export const thumbprint = (key: Key): Effect.Effect<string, InvalidRequest> =>
  Effect.tryPromise({ try: () => Proof.thumbprint(key), catch: () => unusable })

/**
 * Options of the DPoP proofs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How far the server's clock is ahead of this machine's, in milliseconds (0).
   *
   * Used until a response of the API contains the time. Mostly this is the skew of the authorization server,
   * `OAuth2.Service.clockSkew`.
   */
  readonly clockSkew?: Effect.Effect<number> | undefined
}

const names: OptionNames.ShapeOf<Options> = { clockSkew: true }

const unusable = new InvalidRequest({
  reason: "Credentials",
  detail:
    "the key cannot sign DPoP proofs. Use a key pair for P-256, P-384, P-521 or Ed25519 with an extractable public key."
})

const notAUrl = new InvalidRequest({
  reason: "Url",
  detail: "no DPoP proof can be made: the request URL is not absolute."
})

const notBound = new TokenError({
  reason: "InvalidResponse",
  detail: "the token is not bound to the client's key. Request a token of type `DPoP`, or send it with `Bearer`."
})

/** One replay with another token, one with another proof, and two with a token that the API may not know yet. */
const replays = 4

const parsed = (url: string): Effect.Effect<URL, InvalidRequest> =>
  Effect.try({ try: () => new URL(url), catch: () => notAUrl })

const isBound = ({ token }: TokenSource.CachedToken): boolean => token.tokenType.toLowerCase() === "dpop"

/** A store may contain a token from before DPoP was enabled. It is replaced, and is not sent as a DPoP token. */
const boundOf = (source: TokenSource.Service): TokenSource.Service["get"] =>
  Effect.flatMap(source.get, (held) =>
    isBound(held)
      ? Effect.succeed(held)
      : Effect.flatMap(Effect.zipRight(source.onRejected(held.generation), source.get), (another) =>
          isBound(another)
            ? Effect.succeed(another)
            : Effect.zipRight(source.onReplayRejected(another.generation), Effect.fail(notBound))
        )
  )

/**
 * Authenticates with the tokens of a token source and a new DPoP proof for each request.
 *
 * The proof has the method, the URL, the time by the server's clock, and the last nonce of the origin. Each response
 * updates the nonce and the time.
 *
 * How a 401 is handled:
 *
 * - If the server demands a nonce, the request is sent once more with it. The token stays.
 * - If the server rejects the proof and the clock was wrong, the request is sent once more with the corrected time.
 * - If the server demands the same nonce again, or another one at once, the call fails with `Unauthorized`.
 * - For any other 401, the source gets another token.
 *
 * A token of another type than `DPoP` is replaced before a request is sent. Signing fails with `TokenError` if the new
 * token has another type too. It fails with `InvalidRequest` if the key cannot sign proofs or the token is empty.
 *
 * Specification: [RFC 9449 §4.2](https://www.rfc-editor.org/rfc/rfc9449#section-4.2),
 * [§7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1), [§8.2](https://www.rfc-editor.org/rfc/rfc9449#section-8.2),
 * [§9](https://www.rfc-editor.org/rfc/rfc9449#section-9).
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSource = (
  source: TokenSource.Service,
  key: Key,
  options: Options = {}
): Auth.Service<TokenSourceError> => {
  OptionNames.known("`Dpop`", options, names)
  const says = new ServerHints()
  const prove = Proof.makeProver(key)
  const bound = boundOf(source)
  const defaultClockSkew = options.clockSkew ?? Effect.succeed(0)

  const sign: Auth.Service<TokenSourceError>["sign"] = (request) =>
    Effect.gen(function* () {
      const url = yield* parsed(request.url)
      const { generation, token } = yield* bound
      const { nonce, clockSkew = yield* defaultClockSkew } = says.get(url.origin)
      const clock = yield* Effect.clock
      const iat = Math.floor((clock.unsafeCurrentTimeMillis() + clockSkew) / 1000)
      if (isBlank(token.accessToken)) return yield* Effect.fail(blank("token"))
      const accessToken = Redacted.value(token.accessToken)
      const proof = yield* Effect.tryPromise({
        try: () => prove({ method: request.method, url, accessToken, iat, nonce }),
        catch: () => unusable
      })
      return {
        request: HttpClientRequest.setHeaders(request, { authorization: `DPoP ${accessToken}`, dpop: proof }),
        credential: Presented.write({ generation, origin: url.origin, nonce, clockSkew }),
        onResponse: (response) => says.update(url.origin, response, clock.unsafeCurrentTimeMillis())
      }
    })

  return {
    sign,
    onRejected: ({ challenges, credential, initialCredentialId: first = credential }) => {
      const refused = Presented.read(credential)
      const before = Presented.read(first)
      const complaint = proofComplaint(challenges)
      if (complaint === undefined) {
        return source.onRejected(refused.generation, before.generation, StepUp.fromChallenges(challenges))
      }
      return Effect.sync(() => Presented.shouldRetryProof(complaint, refused, before, says.get(refused.origin)))
    },
    onInsufficientScope: ({ challenges, credential }) => {
      const demand = StepUp.fromChallenges(challenges)
      const { generation } = Presented.read(credential)
      return demand && source.onRejected(generation, generation, demand)
    },
    replay: replays,
    honorsDeadline: source.honorsDeadline === true && options.clockSkew === undefined,
    expiredWhen: source.expiredWhen,
    offer: makeOffer("DPoP", Auth.strengths.proof),
    onReplayRejected: ({ credential }) => source.onReplayRejected(Presented.read(credential).generation)
  }
}

/** The error code if the server rejected the proof, or undefined if it rejected the token. */
const proofComplaint = (challenges: ReadonlyArray<Challenge.Challenge>): Presented.ProofError | undefined => {
  const error = Challenge.find(challenges, "DPoP")?.params["error"]
  return error === "use_dpop_nonce" || error === "invalid_dpop_proof" ? error : undefined
}

/**
 * Layer that sends the tokens of the {@link TokenSource.TokenSource} of the context with DPoP proofs.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTokenSource = (
  key: Key,
  options?: Options
): Layer.Layer<Auth.Auth<TokenSourceError>, never, TokenSource.TokenSource> =>
  Auth.layerEffect(Effect.map(TokenSource.TokenSource, (source) => fromSource(source, key, options)))

/**
 * Layer that sends tokens of `acquireToken` with DPoP proofs. The tokens must be bound to the key.
 *
 * They are stored and replaced like those of `Bearer.layerCustom`.
 *
 * @param options - the options of {@link TokenSource.make} and of the proofs.
 * @since 0.1.0
 * @category layers
 */
export const layerCustom = <R>(
  key: Key,
  { clockSkew, ...options }: TokenSource.Options<R> & Options
): Layer.Layer<Auth.Auth<TokenSourceError> | TokenSource.TokenSource, never, TokenSource.Requirements<R>> =>
  Layer.provideMerge(layerTokenSource(key, { clockSkew }), TokenSource.layer(options))
