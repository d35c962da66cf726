import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as Auth from "@countersign/client/Auth"
import * as Protocol from "@countersign/protocol/MessageSignature"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHmac, generateKeyPairSync, verify } from "node:crypto"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf, ok } from "./support/client.js"

const { privateKey, publicKey } = generateKeyPairSync("ed25519")
const jwk = JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid: "from-jwk" })
const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString()
const values = { JWK: jwk, PEM: pem, SECRET: "canary-secret", KEY_ID: "from-config", EMPTY: "" }

type Options = Parameters<typeof MessageSignature.layerConfig>[0]

const provider = ConfigProvider.fromMap(new Map(Object.entries(values)))

/** The scheme, with these values of the configuration. */
const authOf = (options: Options) =>
  Effect.withConfigProvider(Effect.provide(Auth.Auth, MessageSignature.layerConfig(options)), provider)

/** The signature of one request, and the text that was signed. */
const signedBy = (options: Options) =>
  Effect.gen(function* () {
    const { api, mock } = yield* clientOf(yield* authOf(options), () => ok)
    yield* api.get("/a")
    const [sent] = yield* mock.sent
    const parsed = Protocol.parse(sent?.headers ?? {})
    const [signature] = parsed._tag === "Ok" ? [...parsed.value.values()] : []
    if (sent === undefined || signature === undefined) return expect.fail("a signed request")
    const base = Protocol.base(sent, signature.input)
    return { base: base._tag === "Ok" ? base.value : "", value: signature.value, params: signature.input.params }
  })

describe("MessageSignature.layerConfig", () => {
  it.effect.each<readonly [string, Options, string]>([
    ["a JWK", { jwk: Config.redacted("JWK") }, "from-jwk"],
    ["a JWK with another key id", { jwk: Config.redacted("JWK"), keyId: Config.string("KEY_ID") }, "from-config"],
    ["a PEM", { pem: Config.redacted("PEM"), algorithm: "ed25519", keyId: "from-option" }, "from-option"]
  ])("signs with %s", ([, options, keyId]) =>
    Effect.gen(function* () {
      const { base, params, value } = yield* signedBy(options)
      expect(verify(null, Buffer.from(base), publicKey, value)).toBe(true)
      expect(params.get("keyid")).toMatchObject({ value: keyId })
    })
  )

  it.effect("signs with a shared secret, and with the other options", () =>
    Effect.gen(function* () {
      const { base, params, value } = yield* signedBy({
        secret: Config.redacted("SECRET"),
        tag: Config.string("KEY_ID"),
        expiresIn: "1 minute"
      })
      expect(Buffer.from(value)).toEqual(createHmac("sha256", "canary-secret").update(base).digest())
      expect([params.get("tag"), params.get("expires")]).toMatchObject([{ value: "from-config" }, { value: 60 }])
      expect(allRenderings(yield* authOf({ secret: Config.redacted("SECRET") }))).not.toContain("canary")
    })
  )

  it.effect.each<readonly [string, Options, string]>([
    ["no key", {}, "`jwk`, `pem` and `secret`"],
    ["two keys", { jwk: Config.redacted("JWK"), pem: Config.redacted("PEM") }, "`jwk`, `pem` and `secret`"],
    ["a PEM without an algorithm", { pem: Config.redacted("PEM") }, "`algorithm`"],
    ["a secret with another algorithm", { secret: Config.redacted("SECRET"), algorithm: "ed25519" }, "`algorithm`"],
    ["an empty secret", { secret: Config.redacted("EMPTY") }, "secret is empty"],
    ["a text that is no JWK", { jwk: Config.redacted("SECRET") }, "no JWK"],
    ["an imported key", { key: Redacted.make("x") } as unknown as Options, "key"]
  ])("fails with InvalidRequest for %s", ([, options, text]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(authOf(options))
      expect(error).toMatchObject({ _tag: "InvalidRequest" })
      expect(allRenderings(error)).toContain(text)
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect("fails with ConfigError for a missing value", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(authOf({ jwk: Config.redacted("MISSING") }))
      expect(allRenderings(error)).toContain("MISSING")
    })
  )
})
