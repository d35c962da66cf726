/**
 * The Bearer scheme: whoever holds the token is let in.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Auth from "@countersign/client/Auth"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as StepUp from "./StepUp.js"
import { blank, isBlank } from "./internal/schemes/emptyCredential.js"
import * as TokenSource from "./TokenSource.js"

const put = (request: HttpClientRequest.HttpClientRequest, token: Redacted.Redacted<string>) =>
  HttpClientRequest.setHeader(request, "authorization", `Bearer ${Redacted.value(token)}`)

/**
 * Sends a token that does not change. Signing fails with `InvalidRequest { reason: "Credentials" }` where it is empty or blank.
 *
 * Specification: [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (token: Redacted.Redacted<string>): Auth.Service =>
  isBlank(token)
    ? Auth.makeStaticEffect(() => Effect.fail(blank("token")))
    : Auth.makeStatic((request) => put(request, token))

/**
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (token: Redacted.Redacted<string>): Layer.Layer<Auth.Auth> => Layer.succeed(Auth.Auth, make(token))

/**
 * {@link layer} with the token from the configuration: `Bearer.layerConfig(Config.redacted("GITHUB_TOKEN"))`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  token: Config.Config.Wrap<Redacted.Redacted<string>>
): Layer.Layer<Auth.Auth, ConfigError.ConfigError> => Layer.effect(Auth.Auth, Effect.map(Config.unwrap(token), make))

/** Once with another token, and twice with one that the API may not know yet: the source says when it is enough. */
const settlingReplays = /* @__PURE__ */ Schedule.recurs(3)

/**
 * Sends the token that a source holds, and asks it for another when that one is refused, or when the API demands more
 * of it than it has, see {@link Demand}. Signing fails with `InvalidRequest { reason: "Credentials" }` for an empty token.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSource = (source: TokenSource.Service): Auth.Service => {
  const signed = (request: HttpClientRequest.HttpClientRequest, { generation, token }: TokenSource.CachedToken) => ({
    request: put(request, token.accessToken),
    credential: generation
  })
  return {
    sign: (request) =>
      Effect.flatMap(source.get, (held) =>
        isBlank(held.token.accessToken) ? Effect.fail(blank("token")) : Effect.succeed(signed(request, held))
      ),
    signSync: (request, now) => {
      const held = source.getCached?.(now)
      return held === undefined || isBlank(held.token.accessToken) ? undefined : signed(request, held)
    },
    onRejected: ({ challenges, credential, initialCredentialId: first }) =>
      source.onRejected(credential, first, StepUp.fromChallenges(challenges)),
    onInsufficientScope: ({ challenges, credential }) => {
      const demand = StepUp.fromChallenges(challenges)
      return demand && source.onRejected(credential, credential, demand)
    },
    replay: settlingReplays,
    expiredWhen: source.expiredWhen,
    onReplayRejected: ({ credential }) => source.onReplayRejected(credential)
  }
}

/**
 * {@link fromSource} as a Layer, over the {@link TokenSource.TokenSource} of the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTokenSource: Layer.Layer<Auth.Auth, never, TokenSource.TokenSource> = /* @__PURE__ */ Layer.fresh(
  // Built for each source anew: what an application has built once would send the token of one source to all its APIs.
  /* @__PURE__ */ Layer.effect(Auth.Auth, /* @__PURE__ */ Effect.map(TokenSource.TokenSource, fromSource))
)

/**
 * A token of one's own making: `mint` gets one wherever it comes from, and everything else (one at a time, kept in
 * the {@link TokenStore}, replaced when it expires or is refused) is done.
 *
 * @param options - as of {@link TokenSource.make}.
 * @since 0.1.0
 * @category layers
 */
export const layerCustom = <R>(
  options: TokenSource.Options<R>
): Layer.Layer<Auth.Auth | TokenSource.TokenSource, never, TokenSource.Requirements<R>> =>
  Layer.provideMerge(layerTokenSource, TokenSource.layer(options))
