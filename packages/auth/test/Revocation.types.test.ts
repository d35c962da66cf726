import * as Revocation from "@countersign/auth/Revocation"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"

describe("Revocation types", () => {
  it("make requires HttpClient and may fail with InvalidRequest", () => {
    expectTypeOf(Revocation.make).returns.toEqualTypeOf<
      Effect.Effect<Revocation.Service, InvalidRequest, HttpClient.HttpClient>
    >()
  })

  it("revoke requires no services and returns void", () => {
    expectTypeOf<Revocation.Service["revoke"]>().returns.toEqualTypeOf<Effect.Effect<void, TokenError>>()
  })

  it("signOut requires HttpClient and TokenStore, and fails with their errors", () => {
    expectTypeOf(Revocation.signOut).returns.toEqualTypeOf<
      Effect.Effect<void, InvalidRequest | TokenError | TokenStoreError, HttpClient.HttpClient | TokenStore.TokenStore>
    >()
  })
})
