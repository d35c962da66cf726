import * as ApiKey from "@countersign/auth/ApiKey"
import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import type * as AuthorizationServer from "@countersign/auth/AuthorizationServer"
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import type * as DeviceCode from "@countersign/auth/DeviceCode"
import type * as Introspection from "@countersign/auth/Introspection"
import type * as JwtBearer from "@countersign/auth/JwtBearer"
import type * as Registration from "@countersign/auth/Registration"
import type * as Revocation from "@countersign/auth/Revocation"
import type * as TokenExchange from "@countersign/auth/TokenExchange"
import type * as StepUp from "@countersign/auth/StepUp"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Signature from "@countersign/auth/Signature"
import * as Token from "@countersign/auth/Token"
import * as TokenEvents from "@countersign/auth/TokenEvents"
import * as TokenKey from "@countersign/auth/TokenKey"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError, TokenStoreError, TokenSourceError } from "@countersign/auth/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as ConfigError from "effect/ConfigError"
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { OptionName } from "../src/internal/oauth/optionNames.js"

/** A service that `acquireToken` may require. */
interface Vault {
  readonly _: unique symbol
}

type Service = Auth.Service
type ConfigFailure = ConfigError.ConfigError | InvalidRequest
type LayerOf<A, E = never, R = never> = Layer.Layer<A, E, R>

type GrantOptions = AuthorizationCode.Options &
  ClientCredentials.Options &
  DeviceCode.Options &
  Introspection.Client &
  JwtBearer.Options &
  OAuth2.Options &
  RefreshToken.Options &
  Registration.Options &
  Revocation.SignOutOptions &
  TokenExchange.LayerOptions &
  AuthorizationServer.Options

describe("the names of the options of an OAuth client", () => {
  it("lists the names of all grants, and of `SignIn`", () => {
    expectTypeOf<OptionName>().toEqualTypeOf<keyof GrantOptions | "listener" | "onUrl" | "onUserCode">()
  })
})

describe("auth types", () => {
  it("requires nothing for schemes with static credentials. Their Layers reject invalid ones", () => {
    expectTypeOf(Basic.make).returns.toEqualTypeOf<Service>()
    expectTypeOf(Basic.layer).returns.toEqualTypeOf<LayerOf<Auth.Auth, InvalidRequest>>()
    expectTypeOf(Bearer.make).returns.toEqualTypeOf<Service>()
    expectTypeOf(Bearer.layer).returns.toEqualTypeOf<LayerOf<Auth.Auth, InvalidRequest>>()
    expectTypeOf(Bearer.fromSource).returns.toEqualTypeOf<Auth.Service<TokenSourceError>>()
    expectTypeOf(ApiKey.make).returns.toEqualTypeOf<Service>()
    expectTypeOf(ApiKey.layer).returns.toEqualTypeOf<LayerOf<Auth.Auth, InvalidRequest>>()
    expectTypeOf(ApiKey.pool).returns.toEqualTypeOf<Effect.Effect<Service>>()
    expectTypeOf(ApiKey.layerPool).returns.toEqualTypeOf<LayerOf<Auth.Auth, InvalidRequest>>()
    expectTypeOf(Signature.make).returns.toEqualTypeOf<Service>()
    expectTypeOf(Signature.layer).returns.toEqualTypeOf<LayerOf<Auth.Auth>>()
  })

  it("returns a Location from each API key location", () => {
    expectTypeOf(ApiKey.header).returns.toEqualTypeOf<ApiKey.Location>()
    expectTypeOf(ApiKey.query).returns.toEqualTypeOf<ApiKey.Location>()
    expectTypeOf(ApiKey.cookie).returns.toEqualTypeOf<ApiKey.Location>()
  })

  it("fails with ConfigError or InvalidRequest from each layerConfig", () => {
    expectTypeOf(Basic.layerConfig).returns.toEqualTypeOf<LayerOf<Auth.Auth, ConfigFailure>>()
    expectTypeOf(Bearer.layerConfig).returns.toEqualTypeOf<LayerOf<Auth.Auth, ConfigFailure>>()
    expectTypeOf(ApiKey.layerConfig).returns.toEqualTypeOf<LayerOf<Auth.Auth, ConfigFailure>>()
  })

  it("requires a TokenStore and the services of `acquireToken` for a TokenSource", () => {
    expectTypeOf(TokenSource.make<Vault>).returns.toEqualTypeOf<
      Effect.Effect<TokenSource.Service, never, TokenStore.TokenStore | Vault | Scope.Scope>
    >()
    expectTypeOf(TokenSource.layer<Vault>).returns.toEqualTypeOf<
      LayerOf<TokenSource.TokenSource, never, TokenStore.TokenStore | Vault>
    >()
    expectTypeOf(TokenSource.layer<never>).returns.toEqualTypeOf<
      LayerOf<TokenSource.TokenSource, never, TokenStore.TokenStore>
    >()
    expectTypeOf<Context.Tag.Service<TokenSource.TokenSource>>().toEqualTypeOf<TokenSource.Service>()
    expectTypeOf<TokenSource.Service["get"]>().toEqualTypeOf<
      Effect.Effect<TokenSource.CachedToken, TokenError | TokenStoreError>
    >()
    expectTypeOf<TokenSource.Service["onRejected"]>().returns.toEqualTypeOf<
      Effect.Effect<boolean, TokenError | TokenStoreError>
    >()
    expectTypeOf<TokenSource.Service["onReplayRejected"]>().returns.toEqualTypeOf<Effect.Effect<void>>()
  })

  it("requires a TokenSource for Bearer.layerTokenSource, and provides one from Bearer.layerCustom", () => {
    expectTypeOf(Bearer.layerTokenSource).toEqualTypeOf<
      LayerOf<Auth.Auth<TokenSourceError>, never, TokenSource.TokenSource>
    >()
    expectTypeOf(Bearer.layerCustom<Vault>).returns.toEqualTypeOf<
      LayerOf<Auth.Auth<TokenSourceError> | TokenSource.TokenSource, never, TokenStore.TokenStore | Vault>
    >()
  })

  it("requires an HttpClient and a TokenStore for ClientCredentials.layer, which fails with InvalidRequest", () => {
    expectTypeOf(ClientCredentials.layer).returns.toEqualTypeOf<
      LayerOf<
        Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
        InvalidRequest,
        HttpClient.HttpClient | TokenStore.TokenStore
      >
    >()
    expectTypeOf(ClientCredentials.layerConfig).returns.toEqualTypeOf<
      LayerOf<
        Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
        ConfigError.ConfigError | InvalidRequest,
        HttpClient.HttpClient | TokenStore.TokenStore
      >
    >()
    expectTypeOf(ClientCredentials.acquireToken).returns.toEqualTypeOf<
      (previous: Option.Option<Token.Token>, demand?: StepUp.StepUpChallenge) => Effect.Effect<Token.Token, TokenError>
    >()
    expectTypeOf(OAuth2.make).returns.toEqualTypeOf<
      Effect.Effect<OAuth2.Service, InvalidRequest, HttpClient.HttpClient>
    >()
    expectTypeOf<OAuth2.Service["refresh"]>().returns.toEqualTypeOf<Effect.Effect<Token.Token, TokenError>>()
    expectTypeOf<OAuth2.Service["clientCredentials"]>().returns.toEqualTypeOf<Effect.Effect<Token.Token, TokenError>>()
  })

  it("requires nothing for TokenStore.layerMemory, and fails only with TokenStoreError", () => {
    expectTypeOf(TokenStore.makeMemory).toEqualTypeOf<Effect.Effect<TokenStore.Service>>()
    expectTypeOf(TokenStore.layerMemory).toEqualTypeOf<LayerOf<TokenStore.TokenStore>>()
    expectTypeOf<TokenStore.Service["get"]>().returns.toEqualTypeOf<
      Effect.Effect<Option.Option<TokenStore.VersionedToken>, TokenStoreError>
    >()
  })

  it("requires no services to decode a Token, and returns a string from TokenKey.format", () => {
    expectTypeOf(Token.Token).toEqualTypeOf<Schema.Schema<Token.Token, Token.TokenEncoded>>()
    expectTypeOf(Token.bearer).returns.toEqualTypeOf<Token.Token>()
    expectTypeOf(TokenKey.format).returns.toEqualTypeOf<string>()
  })

  it("requires nothing for TokenEvents.layer, and requires TokenEvents for the stream", () => {
    expectTypeOf(TokenEvents.layer).toEqualTypeOf<LayerOf<TokenEvents.TokenEvents>>()
    expectTypeOf(TokenEvents.stream).toEqualTypeOf<
      Stream.Stream<TokenEvents.TokenEvent, never, TokenEvents.TokenEvents>
    >()
  })

  it("requires an HttpClient and a TokenStore for RefreshToken.layer, which fails with InvalidRequest", () => {
    expectTypeOf(RefreshToken.layer).returns.toEqualTypeOf<
      LayerOf<
        Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
        InvalidRequest,
        HttpClient.HttpClient | TokenStore.TokenStore
      >
    >()
    expectTypeOf(RefreshToken.acquireToken).returns.returns.toEqualTypeOf<Effect.Effect<Token.Token, TokenError>>()
  })
})
