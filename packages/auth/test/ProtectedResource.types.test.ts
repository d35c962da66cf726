import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as ProtectedResource from "@countersign/auth/ProtectedResource"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError } from "@countersign/auth/Errors"
import type { Challenge } from "@countersign/protocol/Challenge"
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"

type Discovered = Effect.Effect<ProtectedResource.ProtectedResource, InvalidRequest | TokenError, HttpClient.HttpClient>

describe("ProtectedResource types", () => {
  it("requires only an HttpClient, and fails with InvalidRequest or TokenError", () => {
    expectTypeOf(ProtectedResource.discover).toEqualTypeOf<
      (url: string, options?: ProtectedResource.Options) => Discovered
    >()
    expectTypeOf(ProtectedResource.fromChallenges).toEqualTypeOf<
      (url: string, challenges: ReadonlyArray<Challenge>, options?: ProtectedResource.Options) => Discovered
    >()
    expectTypeOf(ProtectedResource.fromResponse).toEqualTypeOf<
      (url: string, response: HttpClientResponse, options?: ProtectedResource.Options) => Discovered
    >()
  })

  it("returns a value that extends the options of a grant", () => {
    expectTypeOf<ProtectedResource.ProtectedResource>().toExtend<
      Pick<AuthorizationCode.Options, "issuer" | "resource" | "scopes">
    >()
    expectTypeOf<ProtectedResource.Options["transport"]>().toEqualTypeOf<OAuth2.Client["transport"]>()
  })
})
