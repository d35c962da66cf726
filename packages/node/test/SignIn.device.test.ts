import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as SignIn from "@countersign/node/SignIn"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

const issuer = "https://auth.test"

const options: SignIn.DeviceOptions = {
  issuer,
  clientId: "tv",
  clientAuthentication: ClientAuthentication.none,
  scopes: ["read"],
  account: "ada"
}

const metadata = { issuer, token_endpoint: `${issuer}/token`, device_authorization_endpoint: `${issuer}/device` }

const page = "https://auth.test/go"

const code = {
  device_code: "canary-device",
  user_code: "WDJB-MJHT",
  verification_uri: page,
  verification_uri_complete: `${page}?c=WDJB-MJHT`,
  expires_in: 600,
  // As short as the test would like to wait.
  interval: 0.01
}

interface Answers {
  readonly token?: MockClient.Step
  readonly code?: object
}

const around = ({ code: changed = {}, token }: Answers = {}) =>
  Layer.merge(
    MockClient.layer(({ url }) => {
      if (url.endsWith("/device")) return MockClient.respond(200, { ...code, ...changed })
      if (!url.endsWith("/token")) return MockClient.respond(200, metadata)
      const granted = { access_token: "canary-access", token_type: "bearer", refresh_token: "canary-refresh" }
      return token ?? MockClient.respond(200, granted)
    }),
    TokenStore.layerMemory
  )

const stored = Effect.flatMap(TokenStore.TokenStore, (store) => store.get(RefreshToken.keyOf(options)))

/** What is written to the error output. */
const shown = (lines: Array<string>) =>
  Effect.consoleWith((console) =>
    Effect.succeed({ ...console, error: (text: unknown) => Effect.sync(() => void lines.push(String(text))) })
  )

describe("signing in on another device", () => {
  it.live.each<readonly [string, object, string]>([
    ["the URL that has the code in it, and the code", {}, `check that it shows WDJB-MJHT:\n\n  ${page}?c=WDJB-MJHT\n`],
    ["the URL and the code", { verification_uri_complete: undefined }, `enter WDJB-MJHT:\n\n  ${page}\n`]
  ])("shows %s on the error output, and stores the token once it is approved", ([_, changed, text]) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      yield* Effect.withConsole(SignIn.withDevice(options), yield* shown(lines))
      expect(lines).toEqual([`Open this URL on any device, and ${text}`])
      const { token } = Option.getOrThrow(yield* stored)
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("canary-refresh")
    }).pipe(Effect.provide(around({ code: changed })))
  )

  it.live("shows what it is told to, where it is told to", () =>
    Effect.gen(function* () {
      const codes: Array<string> = []
      const show: SignIn.DeviceOptions["show"] = ({ userCode }) => Effect.sync(() => void codes.push(userCode))
      yield* SignIn.withDevice({ ...options, show })
      expect(codes).toEqual(["WDJB-MJHT"])
    }).pipe(Effect.provide(around()))
  )

  it.live("that is declined stores nothing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(SignIn.withDevice({ ...options, show: () => Effect.void }))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Refused", error: "access_denied" })
      expect(Option.isNone(yield* stored)).toBe(true)
    }).pipe(Effect.provide(around({ token: MockClient.respond(400, { error: "access_denied" }) })))
  )

  it.live("that nobody waits for any more asks no more", () =>
    Effect.gen(function* () {
      const { sent } = yield* MockClient.MockClient
      const polls = Effect.map(sent, (all) => all.filter(({ url }) => url.endsWith("/token")).length)
      const fiber = yield* Effect.fork(SignIn.withDevice({ ...options, show: () => Effect.void }))
      yield* Effect.repeat(Effect.zipRight(Effect.sleep(2), polls), { until: (asked) => asked > 0 })
      yield* Fiber.interrupt(fiber)
      const before = yield* polls
      yield* Effect.sleep(50)
      expect(yield* polls).toBe(before)
    }).pipe(Effect.provide(around({ token: MockClient.respond(400, { error: "authorization_pending" }) })))
  )
})
