/** Runs the examples of static credentials and of bound tokens. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dpop from "../src/dpop.js"
import * as Static from "../src/static-credentials.js"

const config = (values: Record<string, string>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(values))))

const server = HttpBin.layerMemory

/** The texts that an effect writes to the error output. */
const printed = (lines: Array<unknown>) => {
  const error = (line: unknown) => Effect.sync(() => void lines.push(line))
  return <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.consoleWith((current) => Console.withConsole(effect, { ...current, error }))
}

describe("static-credentials.ts", () => {
  it.effect("sends the user name and the password of the configuration", () =>
    Effect.gen(function* () {
      const { status } = yield* Static.readReport
      expect(status).toBe(200)
    }).pipe(
      Effect.provide(Static.BasicLive.pipe(Layer.provide(config({ API_PASSWORD: "secret" })), Layer.provide(server)))
    )
  )

  it.effect("prints the realm of the server for a wrong password", () => {
    const lines: Array<unknown> = []
    return Effect.gen(function* () {
      expect((yield* Effect.flip(Static.readReport))._tag).toBe("Unauthorized")
      expect(lines).toEqual([expect.any(String)])
    }).pipe(
      printed(lines),
      Effect.provide(Static.BasicLive.pipe(Layer.provide(config({ API_PASSWORD: "wrong" })), Layer.provide(server)))
    )
  })

  it.effect("sends the token of the configuration", () =>
    Effect.gen(function* () {
      expect((yield* Static.readAccount).status).toBe(200)
    }).pipe(Effect.provide(Static.BearerLive.pipe(Layer.provide(config({ API_TOKEN: "t" })), Layer.provide(server))))
  )

  it.effect("sends the key of the configuration in a header field", () =>
    Effect.gen(function* () {
      expect(JSON.stringify(yield* Static.readHeaders)).toContain('"k"')
    }).pipe(Effect.provide(Static.KeyLive.pipe(Layer.provide(config({ API_KEY: "k" })), Layer.provide(server))))
  )
})

describe("dpop.ts", () => {
  it.effect("calls an API that accepts only tokens with a proof of their key", () =>
    Effect.gen(function* () {
      expect(yield* Dpop.program).toContain('"client_id":"service"')
    }).pipe(
      Effect.provide(
        Dpop.ApiLive.pipe(
          Layer.provide(config({ CLIENT_SECRET: "secret" })),
          Layer.provide(TokenStore.layerMemory),
          Layer.provide(
            OAuthServer.layerMemory({
              dpop: { required: true },
              clients: { service: { secret: "secret" } }
            })
          )
        )
      )
    )
  )
})
