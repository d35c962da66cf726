import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Browser from "@countersign/node/Browser"
import * as SignIn from "@countersign/node/SignIn"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

const issuer = "https://auth.test"

const options: SignIn.Options = {
  issuer,
  clientId: "cli",
  clientAuthentication: ClientAuthentication.none,
  scopes: ["read"],
  account: "ada",
  resource: "https://api.test"
}

const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  authorization_response_iss_parameter_supported: true
}

const server = MockClient.layer(({ url }) => {
  if (url.endsWith("/token")) {
    return MockClient.respond(200, { access_token: "canary-access", token_type: "bearer", refresh_token: "canary-r" })
  }
  return MockClient.respond(200, metadata)
})

/** Signs in at once: sends the request that the authorization server would redirect the browser to. */
const redirectBack = (url: string, changed: Readonly<Record<string, string>> = {}): Effect.Effect<Response> => {
  const { searchParams: parameters } = new URL(url)
  const to = new URL(parameters.get("redirect_uri") ?? "")
  to.search = String(
    new URLSearchParams({ code: "canary-code", state: parameters.get("state") ?? "", iss: issuer, ...changed })
  )
  return Effect.promise(() => fetch(to))
}

const browserOf = (open: Browser.Service["open"]) => Layer.succeed(Browser.Browser, { open })

const services = (browser: Layer.Layer<Browser.Browser>) => Layer.mergeAll(browser, server, TokenStore.layerMemory)

const stored = Effect.flatMap(TokenStore.TokenStore, (store) => store.get(RefreshToken.keyOf(options)))

describe("SignIn.withBrowser", () => {
  it.live("opens the browser, redeems the code of the redirect and stores the token", () =>
    Effect.gen(function* () {
      const { claims, token } = yield* SignIn.withBrowser(options)
      expect(Redacted.value(token.accessToken)).toBe("canary-access")
      expect(claims).toBeUndefined()
      const record = Option.getOrThrow(yield* stored)
      expect(record.token.refreshToken && Redacted.value(record.token.refreshToken)).toBe("canary-r")
      const { sent } = yield* MockClient.MockClient
      const form = new URLSearchParams((yield* sent).find(({ method }) => method === "POST")?.body)
      expect(form.get("redirect_uri")).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/)
    }).pipe(Effect.provide(services(browserOf((url) => Effect.asVoid(redirectBack(url))))))
  )

  it.live("passes the URL to onUrl when no browser opens, and waits for the redirect", () =>
    Effect.gen(function* () {
      const shown: Array<string> = []
      const onUrl = (url: string) =>
        Effect.sync(() => shown.push(url)).pipe(Effect.zipRight(redirectBack(url)), Effect.asVoid)
      const { token } = yield* SignIn.withBrowser({ ...options, onUrl })
      expect(shown).toHaveLength(1)
      expect(token.tokenType).toBe("Bearer")
    }).pipe(Effect.provide(services(Browser.layerNone)))
  )

  it.live("prints the URL on the error output without onUrl", () =>
    Effect.gen(function* () {
      let line = ""
      const console = yield* Console.consoleWith(Effect.succeed)
      const error = (text: unknown) => Effect.sync(() => (line += String(text)))
      const fiber = yield* SignIn.withBrowser(options).pipe(Effect.withConsole({ ...console, error }), Effect.fork)
      yield* Effect.repeat(Effect.sleep(5), { until: () => line !== "" })
      const url = /https:\S+/.exec(line)?.[0] ?? ""
      yield* redirectBack(url)
      expect((yield* Fiber.join(fiber)).token.tokenType).toBe("Bearer")
    }).pipe(Effect.provide(services(Browser.layerNone)))
  )

  it.live.each<readonly [string, Readonly<Record<string, string>>, object]>([
    ["has the error access_denied", { error: "access_denied" }, { reason: "Rejected", error: "access_denied" }],
    ["has another issuer", { iss: "https://evil.test" }, { reason: "InvalidResponse" }]
  ])("fails with a TokenError and stores nothing when the redirect %s", ([_, changed, failure]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(SignIn.withBrowser(options))
      expect(error).toMatchObject({ _tag: "TokenError", ...failure })
      expect(Option.isNone(yield* stored)).toBe(true)
    }).pipe(Effect.provide(services(browserOf((url) => Effect.asVoid(redirectBack(url, changed))))))
  )

  it.live("stops listening when it is interrupted", () => {
    let opened = ""
    const open = (url: string) => Effect.sync(() => void (opened = url))
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(SignIn.withBrowser(options))
      yield* Effect.repeat(Effect.sleep(5), { until: () => opened !== "" })
      yield* Fiber.interrupt(fiber)
      const to = new URL(opened).searchParams.get("redirect_uri") ?? ""
      expect((yield* Effect.either(Effect.tryPromise(() => fetch(to))))._tag).toBe("Left")
    }).pipe(Effect.provide(services(browserOf(open))))
  })
})
