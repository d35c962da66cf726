import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
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
    expectTypeOf(layer).returns.toEqualTypeOf<Layer.Layer<Auth.Auth<"none">, InvalidRequest>>()
  })

  it("layerConfig reads each option from a Config or a value", () => {
    type Made<E> = Layer.Layer<Auth.Auth<E>, ConfigError.ConfigError | InvalidRequest>
    const fromConfig = () =>
      AwsSignature.layerConfig({ credentials: AwsCredentials.config, region: Config.string("AWS_REGION") })
    const fromSource = () => AwsSignature.layerConfig({ credentials: source, service: Config.string("SERVICE") })
    const fromValue = () => AwsSignature.layerConfig({ credentials, payload: Config.literal("signed")("PAYLOAD") })
    expectTypeOf(fromConfig).returns.toEqualTypeOf<Made<never>>()
    expectTypeOf(fromSource).returns.toEqualTypeOf<Made<"none">>()
    expectTypeOf(fromValue).returns.toEqualTypeOf<Made<never>>()
    // @ts-expect-error -- a region is no number
    const wrong = () => AwsSignature.layerConfig({ credentials, region: Config.integer("AWS_REGION") })
    expectTypeOf(wrong).toBeFunction()
  })

  it("presign returns a secret and may fail with InvalidRequest", () => {
    const url = () => AwsSignature.presign({ credentials, url: "https://a.test/" })
    expectTypeOf(url).returns.toEqualTypeOf<Effect.Effect<Redacted.Redacted<string>, InvalidRequest>>()
    // @ts-expect-error -- a presigned URL needs a URL
    const missing = () => AwsSignature.presign({ credentials })
    expectTypeOf(missing).toBeFunction()
  })
})
