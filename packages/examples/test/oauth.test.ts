/** The sign-in programs, against a server in memory. Users and browsers are simulated. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Browser from "@countersign/node/Browser"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as TransactionStore from "@countersign/auth/TransactionStore"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { format } from "node:util"
import * as OneServer from "../src/authorization-server.js"
import * as CliLogin from "../src/cli-login.js"
import * as DeviceLogin from "../src/device-login.js"
import * as Discover from "../src/discover-from-401.js"
import * as OnBehalfOf from "../src/on-behalf-of.js"
import * as WebBackEnd from "../src/web-back-end.js"

/** Runs an effect and keeps what it writes to the console. */
const keeping = (lines: Array<string>) => {
  const log = (...args: ReadonlyArray<unknown>) => Effect.sync(() => void lines.push(format(...args)))
  return <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.consoleWith((current) => Console.withConsole(effect, { ...current, log, error: log }))
}

const secrets = Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["CLIENT_SECRET", "secret"]])))

const world = (options: OAuthServer.Options) =>
  Layer.mergeAll(OAuthServer.layerMemory({ subject: "ada", ...options }), TokenStore.layerMemory, secrets)

/** The redirect target of a page. */
const sentTo = (url: string) => Effect.map(HttpClient.get(url), ({ headers }) => headers["location"] ?? "")

/** The browser of a user with a session at the server: it follows the redirect at once. */
const browser = Layer.effect(
  Browser.Browser,
  Effect.map(HttpClient.HttpClient, (client) => ({
    open: (url: string) =>
      sentTo(url).pipe(
        Effect.provideService(HttpClient.HttpClient, client),
        Effect.flatMap((back) => Effect.promise(() => fetch(back))),
        Effect.orDie,
        Effect.asVoid
      )
  }))
)

const publicClients = {
  clients: {
    cli: { public: true, redirectUris: ["http://127.0.0.1/callback"] },
    tv: { public: true }
  }
}

describe("cli-login.ts", () => {
  it.live("signs in, calls the API with the stored token, signs out, and needs a new sign-in", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { login, logout, whoami } = CliLogin
      for (const command of [whoami, login, whoami, whoami, logout, whoami]) yield* command
      expect(lines).toEqual([
        "not signed in. Run login.",
        "signed in as ada",
        "ada may openid read",
        "ada may openid read",
        "signed out",
        "not signed in. Run login."
      ])
      const { families } = yield* OAuthServer.OAuthServer
      expect((yield* families).map(({ accessTokens, ended }) => [accessTokens, ended !== undefined])).toEqual([
        [0, true]
      ])
    }).pipe(keeping(lines), Effect.provide(Layer.provideMerge(browser, world(publicClients))))
  })
})

describe("authorization-server.ts", () => {
  it.live("reads the metadata once for a sign-in, a call and a sign-out", () => {
    const lines: Array<string> = []
    const config = ConfigProvider.fromMap(
      new Map([
        ["ISSUER", "https://oauth.test"],
        ["CLIENT_ID", "cli"]
      ])
    )
    return Effect.gen(function* () {
      yield* Effect.provide(OneServer.program, OneServer.AppLive)
      expect(lines).toEqual(["ada may openid read", "signed out"])
      const { requests } = yield* OAuthServer.OAuthServer
      expect((yield* requests).filter(({ path }) => path.startsWith("/.well-known/"))).toHaveLength(1)
    }).pipe(
      keeping(lines),
      Effect.withConfigProvider(config),
      Effect.provide(Layer.provideMerge(browser, world(publicClients)))
    )
  })
})

describe("device-login.ts", () => {
  it.live("shows a code, waits for approval, and prints the user", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { approveDevice } = yield* OAuthServer.OAuthServer
      const fiber = yield* Effect.fork(DeviceLogin.login)
      const codeOf = () => /\b[A-Z0-9]{4}-[A-Z0-9]{4}\b/.exec(lines.join("\n"))?.[0]
      yield* Effect.repeat(Effect.sleep(5), { until: () => codeOf() !== undefined })
      expect(yield* approveDevice(codeOf() ?? "")).toBe(true)
      yield* Fiber.join(fiber)
      expect(lines.at(-1)).toBe("signed in as ada")
    }).pipe(
      keeping(lines),
      Effect.provide(world({ ...publicClients, consent: "manual", device: { interval: "50 millis" } }))
    )
  })
})

describe("discover-from-401.ts", () => {
  const asked = Effect.flatMap(OAuthServer.OAuthServer, ({ requests }) =>
    Effect.map(requests, (all) => all.map(({ method, path }) => `${method} ${path.split("?", 1).join()}`))
  )

  it.live("discovers the server, registers, signs in and calls the API", () =>
    Effect.gen(function* () {
      const { resource } = yield* OAuthServer.OAuthServer
      expect(yield* Discover.program(resource)).toBe("ada may read")
      expect(yield* asked).toEqual([
        "GET /resource",
        "GET /.well-known/oauth-protected-resource/resource",
        "GET /.well-known/oauth-authorization-server",
        "POST /register",
        "GET /.well-known/oauth-authorization-server",
        "GET /authorize",
        "POST /token",
        "GET /resource"
      ])
    }).pipe(Effect.provide(Layer.provideMerge(browser, world({ scopes: ["read"] }))))
  )

  it.live("uses the given client id, and requests a token for that API only", () =>
    Effect.gen(function* () {
      const { requests, resource } = yield* OAuthServer.OAuthServer
      expect(yield* Discover.program(resource, "cli")).toBe("ada may read")
      expect(yield* asked).not.toContain("POST /register")
      const authorize = (yield* requests).find(({ path }) => path.startsWith("/authorize"))
      expect(new URL(authorize?.path ?? "", resource).searchParams.get("resource")).toBe(resource)
    }).pipe(Effect.provide(Layer.provideMerge(browser, world({ ...publicClients, scopes: ["read"] }))))
  )
})

describe("on-behalf-of.ts", () => {
  it.effect("calls the other API on behalf of the user with the exchanged token", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const { access_token: token } = yield* server.issueTokens({ clientId: "front", scope: "read" })
      expect(yield* OnBehalfOf.handle(Redacted.make(token))).toBe("middle may read for ada")
    }).pipe(Effect.provide(world({ clients: { middle: "secret", front: "secret" } })))
  )
})

describe("web-back-end.ts", () => {
  const serving = Effect.gen(function* () {
    const handler = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<HttpClient.HttpClient | TokenStore.TokenStore>())(
      yield* WebBackEnd.app
    )
    return (path: string, cookie = "", method = "GET") =>
      Effect.promise(() => handler(new Request(`https://app.test${path}`, { method, headers: { cookie } })))
  })

  /** The `cookie` header that a browser sends after the response. */
  const cookieOf = (response: Response) => response.headers.get("set-cookie")?.split(";", 1).join() ?? ""

  const around = world({ clients: { web: { secret: "secret", redirectUris: ["https://app.test/callback"] } } })

  const live = Layer.merge(around, TransactionStore.layerMemory())

  /** The callback URL that the server redirects to. */
  const backOf = (login: Response) =>
    Effect.map(sentTo(login.headers.get("location") ?? ""), (back) => {
      const { pathname, search } = new URL(back)
      return pathname + search
    })

  it.scoped("signs a user in by redirects, calls the API on behalf of the user, and signs the user out", () =>
    Effect.gen(function* () {
      const get = yield* serving
      expect((yield* get("/me")).headers.get("location")).toBe("/login")
      const login = yield* get("/login")
      expect(login.headers.get("set-cookie")).toMatch(/^__Host-sign-in=.{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
      const callback = yield* get(yield* backOf(login), cookieOf(login))
      expect(callback.headers.get("location")).toBe("/me")
      const session = cookieOf(callback)
      expect(session).toMatch(/^__Host-session=.{43}$/)
      const me = yield* get("/me", session)
      expect(yield* Effect.promise(() => me.text())).toBe("ada may openid read")
      expect((yield* get("/me", "__Host-session=made-up")).headers.get("location")).toBe("/login")
      expect((yield* get("/logout", session, "POST")).status).toBe(200)
      expect((yield* get("/me", session)).headers.get("location")).toBe("/login")
      const { families } = yield* OAuthServer.OAuthServer
      expect((yield* families).map(({ ended }) => ended?.by)).toEqual(["client"])
    }).pipe(Effect.provide(live))
  )

  it.scoped("rejects a callback of another browser and a repeated one, without a redirect loop", () =>
    Effect.gen(function* () {
      const get = yield* serving
      const login = yield* get("/login")
      const back = yield* backOf(login)
      const other = cookieOf(yield* get("/login"))
      expect((yield* get(back, other)).status).toBe(400)
      expect((yield* get(back, cookieOf(login))).status).toBe(302)
      expect((yield* get(back, cookieOf(login))).status).toBe(400)
    }).pipe(Effect.provide(live))
  )
})
