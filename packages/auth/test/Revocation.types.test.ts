import * as Revocation from "@countersign/auth/Revocation"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { InvalidRequest, TokenError, TokenStoreError } from "@countersign/client/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"

describe("types", () => {
  it("a conversation needs a transport, and may be of a client that cannot be", () => {
    expectTypeOf(Revocation.make).returns.toEqualTypeOf<
      Effect.Effect<Revocation.Service, InvalidRequest, HttpClient.HttpClient>
    >()
  })

  it("revoking needs nothing more, and gives nothing", () => {
    expectTypeOf<Revocation.Service["revoke"]>().returns.toEqualTypeOf<Effect.Effect<void, TokenError>>()
  })

  it("signing out needs the store as well, and fails as each of them does", () => {
    expectTypeOf(Revocation.signOut).returns.toEqualTypeOf<
      Effect.Effect<void, InvalidRequest | TokenError | TokenStoreError, HttpClient.HttpClient | TokenStore.TokenStore>
    >()
  })
})
