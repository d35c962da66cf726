/**
 * Tokens that are of use to their holder only: each request proves that it has the key they are bound to.
 *
 * Specification: [RFC 9449](https://www.rfc-editor.org/rfc/rfc9449).
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as oauth from "oauth4webapi"
import * as StepUp from "./StepUp.js"
import * as Presented from "./internal/dpop/credentialId.js"
import type { Key } from "./internal/dpop/proof.js"
import * as Proof from "./internal/dpop/proof.js"
import { ServerSays } from "./internal/dpop/serverHints.js"
import { blank, isBlank } from "./internal/schemes/emptyCredential.js"
import * as TokenSource from "./TokenSource.js"

export type { Key } from "./internal/dpop/proof.js"

/**
 * A new key, ES256, that cannot be taken out of this process: tokens that are bound to it end with it. The refresh tokens
 * of a public client are bound to it as well; a client that keeps them in a store wants {@link generateExtractableKey}.
 *
 * @since 0.1.0
 * @category keys
 */
export const generateKey: Effect.Effect<Key> = /* @__PURE__ */ Effect.promise(() => oauth.generateKeyPair("ES256"))

/**
 * A new key, ES256, that {@link toJwk} can write down, to be kept where its tokens are kept: whoever has both can send
 * them.
 *
 * @since 0.1.0
 * @category keys
 */
export const generateExtractableKey: Effect.Effect<Key> = /* @__PURE__ */ Effect.promise(() =>
  oauth.generateKeyPair("ES256", { extractable: true })
)

const notExtractable = new InvalidRequest({
  reason: "Credentials",
  detail: "the key of the tokens was made to stay in this process: make one with generateExtractableKey"
})

const noJwk = new InvalidRequest({
  reason: "Credentials",
  detail: "what should be the key of the tokens is no private JWK of P-256, P-384, P-521 or Ed25519"
})

/**
 * Writes a key down as JSON, its secret part with it.
 *
 * Fails with `InvalidRequest { reason: "Credentials" }` for one that is not extractable.
 *
 * Specification: [RFC 7518 §6.2.2](https://www.rfc-editor.org/rfc/rfc7518#section-6.2.2).
 *
 * @since 0.1.0
 * @category encoding
 */
export const toJwk = (key: Key): Effect.Effect<Redacted.Redacted<string>, InvalidRequest> =>
  Effect.map(Effect.tryPromise({ try: () => Proof.written(key), catch: () => notExtractable }), Redacted.make)

/**
 * Reads a key that {@link toJwk} has written, or somebody else, so that tokens from before a restart are still of use. It
 * cannot be written down again, unless that is asked for.
 *
 * Fails with `InvalidRequest { reason: "Credentials" }` for what is no such key.
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
  Effect.flatMap(
    Effect.promise(() => Proof.read(Redacted.value(jwk), options.extractable === true)),
    (key) => (key === undefined ? Effect.fail(noJwk) : Effect.succeed(key))
  )

/**
 * What a key is called by servers (`jkt`, `dpop_jkt`): it tells nothing of the secret part. Fails with `InvalidRequest`
 * where the public key cannot be exported.
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
 * What else is known.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How far the servers' clocks are ahead of this machine's, in milliseconds, where the API has not yet told the time:
   * that of the authorization server, `OAuth2.Service.clockSkew`, mostly (0).
   */
  readonly clockSkew?: Effect.Effect<number> | undefined
}

const unusable = new InvalidRequest({
  reason: "Credentials",
  detail:
    "the key of the tokens makes no proofs: use a pair of P-256, P-384, P-521 or Ed25519 with a public key to export"
})

const notAUrl = new InvalidRequest({ reason: "Url", detail: "the URL to prove the key for is no absolute URL" })

const notBound = new TokenError({
  reason: "InvalidResponse",
  detail: "the token is not bound to the client's key: get one that is, or send it as a Bearer"
})

/** Once with another token, once with another proof, and twice with a token that the API may not know yet. */
const replays = /* @__PURE__ */ Schedule.recurs(4)

const parsed = (url: string): Effect.Effect<URL, InvalidRequest> =>
  Effect.try({ try: () => new URL(url), catch: () => notAUrl })

const isBound = ({ token }: TokenSource.CachedToken): boolean => token.tokenType.toLowerCase() === "dpop"

/** A store may hold a token from before it was to be bound: it is replaced, and not sent as what it is not. */
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
 * Sends the token that a source holds, with a proof that is made for each send: for its method and URL, by the server's
 * clock, with the nonce that its origin gave last. Nonces and the time are taken from every answer.
 *
 * A 401 that asks for a nonce has the request sent once more with that one, and the token stays; so does one that does not
 * like a proof whose time has turned out to be wrong. Where the same nonce is asked for again, or another one right away,
 * the call fails with `Unauthorized`. Any other 401 has the source asked for another token. A token that is not of type
 * `DPoP` is replaced before anything is sent; signing fails with `TokenError` if its successor is not either, and with
 * `InvalidRequest` where the key makes no proofs, or the token is empty.
 *
 * Specification: [RFC 9449 §4.2](https://www.rfc-editor.org/rfc/rfc9449#section-4.2),
 * [§7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1), [§8.2](https://www.rfc-editor.org/rfc/rfc9449#section-8.2),
 * [§9](https://www.rfc-editor.org/rfc/rfc9449#section-9).
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSource = (source: TokenSource.Service, key: Key, options: Options = {}): Auth.Service => {
  const says = new ServerSays()
  const prove = Proof.making(key)
  const bound = boundOf(source)
  const clockSkew = options.clockSkew ?? Effect.succeed(0)

  const sign: Auth.Service["sign"] = (request) =>
    Effect.gen(function* () {
      const url = yield* parsed(request.url)
      const { generation, token } = yield* bound
      const { nonce, ahead = yield* clockSkew } = says.by(url.origin)
      const clock = yield* Effect.clock
      const iat = Math.floor((clock.unsafeCurrentTimeMillis() + ahead) / 1000)
      if (isBlank(token.accessToken)) return yield* Effect.fail(blank("token"))
      const accessToken = Redacted.value(token.accessToken)
      const proof = yield* Effect.tryPromise({
        try: () => prove({ method: request.method, url, accessToken, iat, nonce }),
        catch: () => unusable
      })
      return {
        request: HttpClientRequest.setHeaders(request, { authorization: `DPoP ${accessToken}`, dpop: proof }),
        credential: Presented.write({ generation, origin: url.origin, nonce, ahead }),
        onResponse: (response) => says.hear(url.origin, response, clock.unsafeCurrentTimeMillis())
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
      return Effect.sync(() => Presented.isWorthAnother(complaint, refused, before, says.by(refused.origin)))
    },
    onInsufficientScope: ({ challenges, credential }) => {
      const demand = StepUp.fromChallenges(challenges)
      const { generation } = Presented.read(credential)
      return demand && source.onRejected(generation, generation, demand)
    },
    replay: replays,
    expiredWhen: source.expiredWhen,
    onReplayRejected: ({ credential }) => source.onReplayRejected(Presented.read(credential).generation)
  }
}

/** What the server has against the proof; undefined where it is the token that was refused. */
const proofComplaint = (challenges: ReadonlyArray<Challenge.Challenge>): Presented.Complaint | undefined => {
  const error = Challenge.find(challenges, "DPoP")?.params["error"]
  return error === "use_dpop_nonce" || error === "invalid_dpop_proof" ? error : undefined
}

/**
 * {@link fromSource} as a Layer, over the {@link TokenSource.TokenSource} of the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTokenSource = (key: Key, options?: Options): Layer.Layer<Auth.Auth, never, TokenSource.TokenSource> =>
  Layer.effect(
    Auth.Auth,
    Effect.map(TokenSource.TokenSource, (source) => fromSource(source, key, options))
  )

/**
 * {@link layerTokenSource} with the source: tokens that `mint` gets bound to the key, kept and replaced as those of
 * `Bearer.layerCustom` are.
 *
 * @param options - as of {@link TokenSource.make}, and what else is known.
 * @since 0.1.0
 * @category layers
 */
export const layerCustom = <R>(
  key: Key,
  options: TokenSource.Options<R> & Options
): Layer.Layer<Auth.Auth | TokenSource.TokenSource, never, TokenSource.Requirements<R>> =>
  Layer.provideMerge(layerTokenSource(key, options), TokenSource.layer(options))
