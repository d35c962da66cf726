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
import * as TestClock from "effect/TestClock"
import { bothEndsRead } from "./support/server.js"

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
  interval: 5
}

interface ServerOptions {
  readonly token?: MockClient.Step
  readonly code?: object
}

const services = ({ code: changed = {}, token }: ServerOptions = {}) =>
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

/** A console that collects what is written to the error output. */
const consoleInto = (lines: Array<string>) =>
  Effect.consoleWith((console) =>
    Effect.succeed({ ...console, error: (text: unknown) => Effect.sync(() => void lines.push(String(text))) })
  )

/** Lets pending promises of the library resolve. */
const promisesResolved = bothEndsRead

/** Runs a sign-in while the clock advances by `seconds`, second by second. */
const runFor = <A, E, R>(signIn: Effect.Effect<A, E, R>, seconds = 6) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(signIn)
    for (let n = 0; n < seconds; n++) {
      yield* promisesResolved
      yield* TestClock.adjust("1 second")
    }
    return fiber
  })

/** Runs a sign-in to its end. */
const runToEnd = <A, E, R>(signIn: Effect.Effect<A, E, R>) => Effect.flatMap(runFor(signIn), Fiber.join)

describe("SignIn.withDevice", () => {
  it.effect.each<readonly [string, object, string]>([
    [
      "the verification URL with the code, and the code",
      {},
      `check that it shows WDJB-MJHT:\n\n  ${page}?c=WDJB-MJHT\n`
    ],
    ["the verification URL and the code", { verification_uri_complete: undefined }, `enter WDJB-MJHT:\n\n  ${page}\n`]
  ])("shows %s on the error output and stores the token after approval", ([_, changed, text]) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      yield* Effect.withConsole(runToEnd(SignIn.withDevice(options)), yield* consoleInto(lines))
      expect(lines).toEqual([`Open this URL on any device, and ${text}`])
      const { token } = Option.getOrThrow(yield* stored)
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("canary-refresh")
    }).pipe(Effect.provide(services({ code: changed })))
  )

  it.effect("passes the user code to onUserCode", () =>
    Effect.gen(function* () {
      const codes: Array<string> = []
      const onUserCode: SignIn.DeviceOptions["onUserCode"] = ({ userCode }) =>
        Effect.sync(() => void codes.push(userCode))
      yield* runToEnd(SignIn.withDevice({ ...options, onUserCode }))
      expect(codes).toEqual(["WDJB-MJHT"])
    }).pipe(Effect.provide(services()))
  )

  it.effect("fails with access_denied and stores nothing when the user denies access", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(runToEnd(SignIn.withDevice({ ...options, onUserCode: () => Effect.void })))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Rejected", error: "access_denied" })
      expect(Option.isNone(yield* stored)).toBe(true)
    }).pipe(Effect.provide(services({ token: MockClient.respond(400, { error: "access_denied" }) })))
  )

  it.effect("stops polling when it is interrupted", () =>
    Effect.gen(function* () {
      const { sent } = yield* MockClient.MockClient
      const polls = Effect.map(sent, (all) => all.flatMap(({ at, url }) => (url.endsWith("/token") ? [at / 1000] : [])))
      const fiber = yield* runFor(SignIn.withDevice({ ...options, onUserCode: () => Effect.void }), 12)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("50 seconds")
      yield* promisesResolved
      expect(yield* polls).toEqual([5, 10])
    }).pipe(Effect.provide(services({ token: MockClient.respond(400, { error: "authorization_pending" }) })))
  )
})
