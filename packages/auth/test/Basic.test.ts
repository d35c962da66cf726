import * as Basic from "@countersign/auth/Basic"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { clientOf, ok } from "./support/client.js"
import { allRenderings } from "./support/allRenderings.js"

const sentBy = (auth: Auth.Service) =>
  Effect.gen(function* () {
    const { api, mock } = yield* clientOf(auth, () => ok)
    yield* api.get("/")
    return (yield* mock.sent)[0]?.headers["authorization"]
  })

describe("Basic", () => {
  it.effect.each<readonly [string, string, string]>([
    ["test", "123£", "Basic dGVzdDoxMjPCow=="],
    ["Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
    ["user", "pass:word", `Basic ${Buffer.from("user:pass:word").toString("base64")}`],
    ["", "", "Basic Og=="]
  ])("encodes the user name %j and the password %j by RFC 7617", ([username, password, field]) =>
    Effect.gen(function* () {
      expect(yield* sentBy(Basic.make({ username, password: Redacted.make(password) }))).toBe(field)
    })
  )

  it.effect.each<readonly [string, string, string]>([
    ["a colon in the user name", "us:er", "canary"],
    ["a line break after the password", "user", "canary\n"],
    ["half a surrogate pair", "user", "canary\ud800"]
  ])("rejects %s as InvalidRequest, sends no request, and shows neither value", ([_, username, password]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Basic.make({ username, password: Redacted.make(password) }), () => ok)
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(allRenderings(error)).not.toMatch(/canary|us:er/)
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("sends the credentials of layer and layerConfig, and names a missing variable", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.fromMap(
        new Map([
          ["USER", "test"],
          ["PASSWORD", "123£"]
        ])
      )
      const fromConfig = Basic.layerConfig({ username: Config.string("USER"), password: Config.redacted("PASSWORD") })
      const configured = yield* Effect.withConfigProvider(Effect.provide(Auth.Auth, fromConfig), provider)
      const given = yield* Effect.provide(Auth.Auth, Basic.layer({ username: "test", password: Redacted.make("123£") }))
      expect(yield* sentBy(configured)).toBe("Basic dGVzdDoxMjPCow==")
      expect(yield* sentBy(given)).toBe("Basic dGVzdDoxMjPCow==")
      const missing = yield* Effect.flip(
        Effect.withConfigProvider(Effect.provide(Auth.Auth, fromConfig), ConfigProvider.fromMap(new Map()))
      )
      expect(allRenderings(missing)).toContain("USER")
    })
  )

  it.effect("sends no second request after a 401, and shows no credentials in the error", () =>
    Effect.gen(function* () {
      const auth = Basic.make({ username: "canary-user", password: Redacted.make("canary") })
      const { api, mock } = yield* clientOf(auth, [MockClient.respond(401)])
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "Unauthorized", reason: "Rejected" })
      expect(allRenderings(error)).not.toMatch(/canary|Y2FuYXJ5/)
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})
