import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import * as Auth from "@countersign/client/Auth"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf, ok } from "./support/client.js"

const credentials: AwsCredentials.Credentials = { accessKeyId: "AKID", secretAccessKey: Redacted.make("canary") }

const variables = { AWS_ACCESS_KEY_ID: "AKIDENV", AWS_SECRET_ACCESS_KEY: "canary", AWS_REGION: "eu-central-1" }

const build = <E>(live: Layer.Layer<Auth.Auth, E>, values: Readonly<Record<string, string>> = variables) =>
  Effect.withConfigProvider(Effect.provide(Auth.Auth, live), ConfigProvider.fromMap(new Map(Object.entries(values))))

const fromConfig = AwsSignature.layerConfig({
  credentials: AwsCredentials.config,
  region: Config.string("AWS_REGION"),
  service: "execute-api"
})

describe("AwsSignature.layerConfig", () => {
  it.effect("signs with the options of the configuration, and with values", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(yield* build(fromConfig), () => ok)
      yield* api.get("/")
      const [sent] = yield* mock.sent
      expect(sent?.headers["authorization"]).toMatch(
        /Credential=AKIDENV\/\d{8}\/eu-central-1\/execute-api\/aws4_request/
      )
    })
  )

  it.effect("fails with ConfigError for a missing variable, and with InvalidRequest for an empty one", () =>
    Effect.gen(function* () {
      const missing = Object.fromEntries(Object.entries(variables).filter(([name]) => name !== "AWS_REGION"))
      expect(yield* Effect.flip(build(fromConfig, missing))).toMatchObject({ _op: "MissingData", path: ["AWS_REGION"] })
      const error = yield* Effect.flip(build(fromConfig, { ...variables, AWS_REGION: "" }))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
    })
  )
})

describe("AwsSignature.layer", () => {
  it.effect.each<readonly [string, Partial<AwsSignature.Options>]>([
    ["accessKeyId", { credentials: { ...credentials, accessKeyId: "" } }],
    ["secretAccessKey", { credentials: { ...credentials, secretAccessKey: Redacted.make("\n") } }],
    ["sessionToken", { credentials: { ...credentials, sessionToken: Redacted.make("canary canary") } }],
    ["region", { region: "" }],
    ["service", { service: "s3\n" }],
    // As JavaScript may pass it.
    ["payload", { payload: "none" as never }]
  ])("fails with InvalidRequest when it is built with a wrong %s, and shows no secret", ([name, part]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(build(AwsSignature.layer({ credentials, ...part })))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
      expect(error.message).toContain(`\`${name}\``)
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect("builds without a request for credentials of a source", () =>
    Effect.gen(function* () {
      const source: AwsCredentials.Source = { get: Effect.die("requested") }
      expect(yield* build(AwsSignature.layer({ credentials: source, region: "auto" }))).toHaveProperty("sign")
    })
  )
})
