import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import type { TokenError, TokenSourceError } from "@countersign/auth/Errors"
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Config from "effect/Config"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

declare const token: Effect.Effect<Redacted.Redacted<string>, TokenError, "files">
declare const acquire: Effect.Effect<AwsCredentials.Credentials, TokenError, "service">

declare const key: AwsCredentials.Credentials

type Made<R> = Effect.Effect<AwsCredentials.Source<TokenSourceError>, InvalidRequest, R | Scope.Scope>

describe("AwsCredentials types", () => {
  it("sources need a scope, and what they acquire credentials with", () => {
    const made = () => AwsCredentials.make({ acquire })
    const exchanged = () => AwsCredentials.webIdentity({ roleArn: "arn", token })
    const contained = () => AwsCredentials.container({ uri: "/", token })
    const assumed = () => AwsCredentials.assumeRole({ roleArn: "arn", credentials: key })
    expectTypeOf(assumed).returns.toEqualTypeOf<Made<HttpClient.HttpClient>>()
    expectTypeOf(made).returns.toEqualTypeOf<Made<"service">>()
    expectTypeOf(exchanged).returns.toEqualTypeOf<Made<"files" | HttpClient.HttpClient>>()
    expectTypeOf(contained).returns.toEqualTypeOf<Made<"files" | HttpClient.HttpClient>>()
    expectTypeOf(AwsCredentials.instance).returns.toEqualTypeOf<Made<HttpClient.HttpClient>>()
  })

  it("config reads credentials, and a secret cannot be plain text", () => {
    expectTypeOf(AwsCredentials.config).toEqualTypeOf<Config.Config<AwsCredentials.Credentials>>()
    expectTypeOf<string>().not.toExtend<AwsCredentials.Credentials["secretAccessKey"]>()
  })
})
