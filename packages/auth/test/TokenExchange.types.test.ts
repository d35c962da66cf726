import * as TokenExchange from "@countersign/auth/TokenExchange"
import type * as Token from "@countersign/auth/Token"
import type * as TokenSource from "@countersign/auth/TokenSource"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest, TokenError, TokenStoreError } from "@countersign/client/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

/** A service that a subject or an actor might ask for. */
interface Vault {
  readonly _: unique symbol
}

describe("types", () => {
  it("a conversation needs a transport and what its actor needs, and may be of a client that cannot be", () => {
    expectTypeOf(TokenExchange.make<Vault>).returns.toEqualTypeOf<
      Effect.Effect<TokenExchange.Service, InvalidRequest, HttpClient.HttpClient | Vault>
    >()
    expectTypeOf(TokenExchange.make<never>).returns.toEqualTypeOf<
      Effect.Effect<TokenExchange.Service, InvalidRequest, HttpClient.HttpClient>
    >()
  })

  it("an exchange needs nothing more, and gives a token of a known type", () => {
    expectTypeOf<TokenExchange.Service["exchange"]>().toEqualTypeOf<
      (subject: TokenExchange.SubjectToken) => Effect.Effect<TokenExchange.ExchangedToken, TokenError>
    >()
    expectTypeOf<TokenExchange.ExchangedToken>().toExtend<Token.Token>()
  })

  it("the layer needs a transport, a store and what its subject needs", () => {
    expectTypeOf(TokenExchange.layer<Vault>).returns.toEqualTypeOf<
      Layer.Layer<
        Auth.Auth | TokenSource.TokenSource,
        InvalidRequest,
        HttpClient.HttpClient | TokenStore.TokenStore | Vault
      >
    >()
    expectTypeOf(TokenExchange.layer<never>).returns.toEqualTypeOf<
      Layer.Layer<Auth.Auth | TokenSource.TokenSource, InvalidRequest, HttpClient.HttpClient | TokenStore.TokenStore>
    >()
  })

  it("a source can be the subject, and fails as it does", () => {
    expectTypeOf(TokenExchange.fromSource).returns.toEqualTypeOf<
      Effect.Effect<TokenExchange.SubjectToken, TokenError | TokenStoreError>
    >()
  })
})
