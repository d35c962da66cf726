import type * as AwsCredentials from "@countersign/auth/AwsCredentials"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"

declare const credentials: AwsCredentials.Credentials
declare const source: AwsCredentials.Source<"none">

describe("AwsSignature types", () => {
  it("make fails with nothing else for an access key, and with the error of a source", () => {
    const fromKey = () => AwsSignature.make({ credentials })
    const fromSource = () => AwsSignature.make({ credentials: source })
    const layer = () => AwsSignature.layer({ credentials: source })
    expectTypeOf(fromKey).returns.toEqualTypeOf<Auth.Service>()
    expectTypeOf(fromSource).returns.toEqualTypeOf<Auth.Service<"none">>()
    expectTypeOf(layer).returns.toEqualTypeOf<Layer.Layer<Auth.Auth<"none">>>()
  })

  it("presign returns a secret and may fail with InvalidRequest", () => {
    const url = () => AwsSignature.presign({ credentials, url: "https://a.test/" })
    expectTypeOf(url).returns.toEqualTypeOf<Effect.Effect<Redacted.Redacted<string>, InvalidRequest>>()
    // @ts-expect-error -- a presigned URL needs a URL
    const missing = () => AwsSignature.presign({ credentials })
    expectTypeOf(missing).toBeFunction()
  })
})
