/** Runs the examples of API keys and of signed requests. */
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { generateKeyPairSync, verify } from "node:crypto"
import * as ApiKeys from "../src/api-keys.js"
import * as SignedJwt from "../src/signed-jwt.js"

/** Values of the configuration. */
const config = (values: Record<string, string>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(values))))

describe("api-keys.ts", () => {
  it.effect("sends the new key, and the old one after a 401", () =>
    Effect.gen(function* () {
      yield* ApiKeys.program
      const { sent } = yield* MockClient.MockClient
      expect((yield* sent).map(({ headers }) => headers["x-api-key"])).toEqual(["new", "old"])
    }).pipe(
      Effect.provide(
        ApiKeys.ApiLive.pipe(
          Layer.provide(config({ API_KEYS: "new,old" })),
          Layer.provideMerge(
            MockClient.layer(({ headers }) => MockClient.respond(headers["x-api-key"] === "old" ? 200 : 401))
          )
        )
      )
    )
  )
})

describe("signed-jwt.ts", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })

  it.effect("sends a JWT of the app, with a key as GitHub writes it", () =>
    Effect.gen(function* () {
      yield* SignedJwt.program
      const { sent } = yield* MockClient.MockClient
      const [jwt = ""] = (yield* sent).map(({ headers }) => headers["authorization"]?.slice("Bearer ".length))
      const [header = "", payload = "", signature = ""] = jwt.split(".")
      const bytes = Buffer.from(signature, "base64url")
      expect(verify("sha256", Buffer.from(`${header}.${payload}`), publicKey, bytes)).toBe(true)
      expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toEqual({ iss: "Iv1.app", iat: -60, exp: 540 })
    }).pipe(
      Effect.provide(
        SignedJwt.GitHubLive.pipe(
          Layer.provide(
            config({
              GITHUB_APP_CLIENT_ID: "Iv1.app",
              GITHUB_APP_PRIVATE_KEY: privateKey.export({ type: "pkcs1", format: "pem" }).toString()
            })
          ),
          Layer.provideMerge(MockClient.layer(() => MockClient.respond(200)))
        )
      )
    )
  )
})
