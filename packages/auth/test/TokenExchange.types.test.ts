import * as TokenExchange from "@countersign/auth/TokenExchange"
import type * as Token from "@countersign/auth/Token"
import type * as TokenSource from "@countersign/auth/TokenSource"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError, TokenStoreError, TokenSourceError } from "@countersign/auth/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

/** A service that a subject or an actor may require. */
interface Vault {
  readonly _: unique symbol
}

describe("TokenExchange types", () => {
  it("make requires HttpClient and the services of the actor, and may fail with InvalidRequest", () => {
    expectTypeOf(TokenExchange.make<Vault>).returns.toEqualTypeOf<
      Effect.Effect<TokenExchange.Service, InvalidRequest, HttpClient.HttpClient | Vault>
    >()
    expectTypeOf(TokenExchange.make<never>).returns.toEqualTypeOf<
      Effect.Effect<TokenExchange.Service, InvalidRequest, HttpClient.HttpClient>
    >()
  })

  it("exchange requires no services and returns a token with its issued type", () => {
    expectTypeOf<TokenExchange.Service["exchange"]>().toEqualTypeOf<
      (subject: TokenExchange.SubjectToken) => Effect.Effect<TokenExchange.ExchangedToken, TokenError>
    >()
    expectTypeOf<TokenExchange.ExchangedToken>().toExtend<Token.Token>()
  })

  it("layer requires HttpClient, TokenStore and the services of the subject", () => {
    expectTypeOf(TokenExchange.layer<Vault>).returns.toEqualTypeOf<
      Layer.Layer<
        Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
        InvalidRequest,
        HttpClient.HttpClient | TokenStore.TokenStore | Vault
      >
    >()
    expectTypeOf(TokenExchange.layer<never>).returns.toEqualTypeOf<
      Layer.Layer<
        Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
        InvalidRequest,
        HttpClient.HttpClient | TokenStore.TokenStore
      >
    >()
  })

  it("fromSource returns a subject token and fails with the errors of the source", () => {
    expectTypeOf(TokenExchange.fromSource).returns.toEqualTypeOf<
      Effect.Effect<TokenExchange.SubjectToken, TokenError | TokenStoreError>
    >()
  })
})
