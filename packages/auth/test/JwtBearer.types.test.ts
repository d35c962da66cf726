import * as JwtBearer from "@countersign/auth/JwtBearer"
import type * as TokenSource from "@countersign/auth/TokenSource"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError, TokenStoreError, TokenSourceError } from "@countersign/auth/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"

/** A service that provides assertions. */
interface Vault {
  readonly _: unique symbol
}

type LayerOf<R> = Layer.Layer<
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  InvalidRequest,
  HttpClient.HttpClient | TokenStore.TokenStore | R
>

describe("JwtBearer", () => {
  it("requires HttpClient, TokenStore and the assertion's services for the layer", () => {
    expectTypeOf(JwtBearer.layer<Vault>).returns.toEqualTypeOf<LayerOf<Vault>>()
    expectTypeOf(JwtBearer.layer<never>).returns.toEqualTypeOf<LayerOf<never>>()
  })

  it("accepts an assertion from a key or from an effect", () => {
    expectTypeOf<JwtBearer.Options<Vault>["assertion"]>().toEqualTypeOf<
      JwtBearer.JwtAssertion | Effect.Effect<Redacted.Redacted, TokenError | TokenStoreError, Vault>
    >()
  })
})
