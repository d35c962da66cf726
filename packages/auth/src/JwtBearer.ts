/**
 * The JWT bearer grant: a token in the name of somebody about whom a signed assertion is shown; nobody has to be there.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest, TokenStoreError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import * as ClientAuthentication from "./ClientAuthentication.js"
import * as InTheirName from "./internal/grants/delegatedGrant.js"
import type { JwtAssertion } from "./internal/grants/jwtAssertion.js"
import * as SignedAssertion from "./internal/grants/jwtAssertion.js"
import * as Configured from "./internal/oauth/optionsFromConfig.js"
import * as Conversation from "./internal/oauth/serverClient.js"
import * as Quirk from "./internal/response/complianceFixes.js"
import type * as OAuth2 from "./OAuth2.js"
import type { Token } from "./Token.js"
import type * as TokenSource from "./TokenSource.js"
import type * as TokenStore from "./TokenStore.js"

export type { JwtAssertion } from "./internal/grants/jwtAssertion.js"

/**
 * The client, what it asks for, and in whose name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends OAuth2.Client, TokenSource.RefreshOptions {
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The API the token is for, where the server issues tokens for several. */
  readonly resource?: string | undefined
  /** Further parameters, of the server's own; no secrets. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /**
   * What an assertion is made of; or an effect that gives one, which is asked for each send. It is always to be about the
   * same person: a layer has one token.
   */
  readonly assertion: JwtAssertion | Effect.Effect<Redacted.Redacted<string>, TokenError | TokenStoreError, R>
  /**
   * Whose token it is (the subject of the assertion): a name of one's own choice, under which the store keeps it. Where an
   * effect gives the assertion and no name is given, nothing would tell one person's token from another's in the store: it
   * stays in the memory of this layer.
   */
  readonly account?: string | undefined
}

const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

/** A clock that is off by less is not what an assertion is refused for. */
const correctionMs = 2_000

/** Who shows an assertion has shown enough (RFC 7521 §4.1), unless the client is known to do more. */
const clientOf = <R>({ clientAuthentication, clientSecret, ...rest }: Options<R>): OAuth2.Client => ({
  ...rest,
  clientSecret,
  clientAuthentication: clientAuthentication ?? (clientSecret === undefined ? ClientAuthentication.none : undefined)
})

/** An assertion for one send, by the server's clock and its own spelling of its name. */
const assertionOf = <R>(
  { clockSkew, metadata }: Conversation.Conversation,
  { assertion, clientId: client }: Options<R>
): Effect.Effect<Redacted.Redacted<string>, TokenError, R> =>
  Effect.isEffect(assertion)
    ? InTheirName.within("the assertion", assertion)
    : Effect.all([metadata, Clock.currentTimeMillis, clockSkew]).pipe(
        Effect.flatMap(([{ issuer: server }, now, ahead]) =>
          SignedAssertion.make(assertion, { client, server, now: Math.floor((now + ahead) / 1000) }).pipe(
            Effect.mapError(({ detail }) => new TokenError({ reason: "Rejected", detail, sent: "no" }))
          )
        )
      )

const parametersOf = <R>({
  parameters,
  complianceFixes,
  resource,
  scopes = []
}: Options<R>): Record<string, string> => ({
  ...parameters,
  ...(resource !== undefined && { resource }),
  ...(scopes.length > 0 && { scope: Quirk.scopeOf(scopes, complianceFixes) })
})

/** A send that failed, and whether another assertion may fare better right away. */
interface Failed {
  readonly error: TokenError
  readonly again: boolean
}

/**
 * Sends an assertion, and not again where the conversation would, with a nonce in the proof of the client's key. Another
 * one may fare better where this one was not looked at, for want of that nonce; and where it told the time of a clock of
 * which its refusal says that it is off.
 */
const send = <R>(conversation: Conversation.Conversation, options: Options<R>): Effect.Effect<Token, Failed, R> =>
  Effect.gen(function* () {
    const final = (error: TokenError): Failed => ({ error, again: false })
    const assertion = yield* Effect.mapError(assertionOf(conversation, options), final)
    const before = yield* conversation.clockSkew
    let sends = 0
    const run = async ({ authentication, client, options: how, server }: Conversation.Context) => {
      sends += 1
      if (sends > 1) throw new Error("it was sent")
      const parameters = { ...parametersOf(options), assertion: Redacted.value(assertion) }
      return oauth.genericTokenEndpointRequest(server, client, authentication, grantType, parameters, how)
    }
    return yield* Effect.catchAll(conversation.token(run, [assertion]), (error) =>
      Effect.flatMap(conversation.clockSkew, (now) => {
        const isLate = error.error === "invalid_grant" && Math.abs(now - before) >= correctionMs
        return Effect.fail({ error, again: sends > 1 || (isLate && !Effect.isEffect(options.assertion)) })
      })
    )
  })

const acquireToken = <R>(
  conversation: Conversation.Conversation,
  options: Options<R>
): Effect.Effect<Token, TokenError, R> =>
  send(conversation, options).pipe(
    Effect.retry({ times: 1, while: ({ again }) => again }),
    Effect.mapError(({ error }) => error)
  )

/** What tells the token from others of the account: all that the assertion says, but for what differs each time. */
const askedOf = <R>({ assertion, parameters, resource }: Options<R>): unknown => {
  if (Effect.isEffect(assertion)) return { parameters, resource }
  const { audience, claims, issuer, subject } = assertion
  return { parameters, resource, audience, claims, issuer, subject }
}

const accountOf = <R>({ account, assertion, clientId }: Options<R>): string | undefined =>
  account ?? (Effect.isEffect(assertion) ? undefined : assertion.subject || (assertion.issuer ?? clientId))

/**
 * Authenticates with tokens that are got by an assertion each, and replaced when they are about to expire or are refused.
 * A refresh token that comes along is not kept: another assertion is always at hand. A client without a secret shows
 * nothing but its id beside the assertion, unless `clientAuthentication` says otherwise.
 *
 * In the {@link TokenStore.TokenStore} a token is filed by issuer, client, account, scopes, and a hash of what else it was
 * asked for with.
 *
 * Building it fails with `InvalidRequest` as `OAuth2.make` does, and where no assertion can be made of the key and the
 * claims. Signing fails with `TokenError`, `Rejected` with `invalid_grant` for an assertion that is not accepted, and as the
 * effect fails that gives one, with `Rejected` where somebody has to sign in for it; and with `TokenStoreError`. No error
 * shows an assertion.
 *
 * Specification: [RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1),
 * [§3](https://www.rfc-editor.org/rfc/rfc7523#section-3).
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(
  options: Options<R>
): Layer.Layer<
  Auth.Auth | TokenSource.TokenSource,
  InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore | R
> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const { assertion, clientId: client, issuer: server, resource } = options
      const conversation = yield* Conversation.make(clientOf(options))
      if (!Effect.isEffect(assertion)) yield* SignedAssertion.make(assertion, { client, server, now: 0 })
      return InTheirName.layer(options, conversation, {
        type: grantType,
        account: accountOf(options),
        audience: resource,
        asked: askedOf(options),
        acquireToken: (parameters) =>
          acquireToken(conversation, { ...options, parameters: { ...options.parameters, ...parameters } })
      })
    })
  )

/**
 * {@link layer}, of which any option may come from the configuration.
 *
 * Building it fails with `ConfigError`, too, where the configuration lacks one.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <R = never>(
  options: OAuth2.OrConfig<Options<R>>
): Layer.Layer<
  Auth.Auth | TokenSource.TokenSource,
  ConfigError | InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore | R
> => Layer.unwrapEffect(Effect.map(Configured.read<Options<R>>(options), (read) => layer(read)))
