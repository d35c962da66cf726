/**
 * Bearer tokens (RFC 6750): an access token in the `authorization` field of every request.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { TokenSourceError } from "./Errors.js"
import * as StepUp from "./StepUp.js"
import * as OptionNames from "./internal/options/optionNames.js"
import { failIf, invalidToken } from "./internal/schemes/invalidCredential.js"
import { makeOffer } from "./internal/schemes/offer.js"
import * as TokenSource from "./TokenSource.js"

const put = (request: HttpClientRequest.HttpClientRequest, token: Redacted.Redacted<string>) =>
  HttpClientRequest.setHeader(request, "authorization", `Bearer ${Redacted.value(token)}`)

const offer = /* @__PURE__ */ makeOffer("Bearer", Auth.strengths.bearer)

/**
 * Authenticates with one bearer token that does not change.
 *
 * Signing fails with `InvalidRequest { reason: "Credentials" }` if the token is empty, has white space at one end, or begins with `Bearer `.
 *
 * Specification: [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (token: Redacted.Redacted<string>): Auth.Service => {
  const problem = invalidToken(token)
  return problem === undefined
    ? { ...Auth.makeStatic((request) => put(request, token)), offer }
    : Auth.makeStaticEffect(() => Effect.fail(problem))
}

const validated = (token: Redacted.Redacted<string>): Effect.Effect<Auth.Service, InvalidRequest> =>
  OptionNames.check("`Bearer`", { token }, { token: "secret" }).pipe(
    Effect.zipRight(Effect.suspend(() => failIf(invalidToken(token, "Options")))),
    Effect.map(() => make(token))
  )

/**
 * Layer that sends `authorization: Bearer <token>` with every request to the API's origins.
 *
 * Fails with `InvalidRequest` when it is built, if the token is empty, has white space at one end, or begins with `Bearer `.
 *
 * @example
 * import * as Bearer from "@countersign/auth/Bearer"
 * import * as Redacted from "effect/Redacted"
 *
 * const AuthLive = Bearer.layer(Redacted.make("token"))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (token: Redacted.Redacted<string>): Layer.Layer<Auth.Auth, InvalidRequest> =>
  Layer.effect(
    Auth.Auth,
    Effect.suspend(() => validated(token))
  )

/**
 * Layer that reads the bearer token from the configuration: `Bearer.layerConfig(Config.redacted("GITHUB_TOKEN"))`.
 *
 * Fails with `ConfigError` when it is built, if the token is missing, and as {@link layer} does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  token: Config.Config<Redacted.Redacted<string>>
): Layer.Layer<Auth.Auth, ConfigError.ConfigError | InvalidRequest> =>
  Layer.effect(Auth.Auth, Effect.flatMap(token, validated))

/** At most one replay with another token, and two with a token that the API may not know yet. The token source decides. */
const propagationReplays = 3

/**
 * Authenticates with the current token of a token source.
 *
 * If the API rejects the token, the source gets another one. The same applies if the API sends a step-up challenge, see
 * {@link StepUp.StepUpChallenge}. Signing fails with `InvalidRequest { reason: "Credentials" }` for an
 * empty token, one with white space at one end, or one that begins with `Bearer `.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSource = (source: TokenSource.Service): Auth.Service<TokenSourceError> => {
  const signed = (request: HttpClientRequest.HttpClientRequest, { generation, token }: TokenSource.CachedToken) => ({
    request: put(request, token.accessToken),
    credential: generation
  })
  return {
    sign: (request) =>
      Effect.flatMap(source.get, (held) =>
        Effect.as(failIf(invalidToken(held.token.accessToken)), signed(request, held))
      ),
    signSync: (request, now) => {
      const held = source.getCached?.(now)
      return held === undefined || invalidToken(held.token.accessToken) !== undefined
        ? undefined
        : signed(request, held)
    },
    onRejected: ({ challenges, credential, initialCredentialId: first }) =>
      source.onRejected(credential, first, StepUp.fromChallenges(challenges)),
    onInsufficientScope: ({ challenges, credential }) => {
      const demand = StepUp.fromChallenges(challenges)
      return demand && source.onRejected(credential, credential, demand)
    },
    replay: propagationReplays,
    honorsDeadline: source.honorsDeadline,
    expiredWhen: source.expiredWhen,
    offer,
    onReplayRejected: ({ credential }) => source.onReplayRejected(credential)
  }
}

/**
 * Layer that sends the current token of the {@link TokenSource.TokenSource} of the context with every request.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTokenSource: Layer.Layer<
  Auth.Auth<TokenSourceError>,
  never,
  TokenSource.TokenSource
> = /* @__PURE__ */ Layer.fresh(
  // Fresh: a memoized layer would send the token of one source to all APIs of an application.
  /* @__PURE__ */ Auth.layerEffect(/* @__PURE__ */ Effect.map(TokenSource.TokenSource, fromSource))
)

/**
 * Layer that sends tokens which `acquireToken` gets from any place.
 *
 * Everything else is done for you: one run at a time, storage in the `TokenStore`, and a new token when the old one
 * expires or is rejected.
 *
 * @param options - the options of {@link TokenSource.make}.
 * @since 0.1.0
 * @category layers
 */
export const layerCustom = <R>(
  options: TokenSource.Options<R>
): Layer.Layer<Auth.Auth<TokenSourceError> | TokenSource.TokenSource, never, TokenSource.Requirements<R>> =>
  Layer.provideMerge(layerTokenSource, TokenSource.layer(options))
