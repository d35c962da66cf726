/** The programs in which somebody signs in, against a server in memory; people and browsers are played. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Transactions from "@countersign/auth/Transactions"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as OnBehalfOf from "../src/on-behalf-of.js"
import * as WebBackEnd from "../src/web-back-end.js"

const secrets = Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["CLIENT_SECRET", "secret"]])))

const world = (options: OAuthServer.Options) =>
  Layer.mergeAll(OAuthServer.layerMemory({ subject: "ada", ...options }), TokenStore.layerMemory, secrets)

/** Where the server sends a browser that opens a page. */
const sentTo = (url: string) => Effect.map(HttpClient.get(url), ({ headers }) => headers["location"] ?? "")

describe("on-behalf-of.ts", () => {
  it.effect("calls the other API in the user's name, with a token of its own", () =>
    Effect.gen(function* () {
      const server = yield* OAuthServer.OAuthServer
      const { access_token: token } = yield* server.signIn({ clientId: "front", scope: "read" })
      expect(yield* OnBehalfOf.handle(Redacted.make(token))).toBe("middle may read for ada")
    }).pipe(Effect.provide(world({ clients: { middle: "secret", front: "secret" } })))
  )
})

describe("web-back-end.ts", () => {
  const serving = Effect.gen(function* () {
    const handler = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<TokenStore.TokenStore>())(yield* WebBackEnd.app)
    return (path: string, cookie = "") =>
      Effect.promise(() => handler(new Request(`https://app.test${path}`, { headers: { cookie } })))
  })

  /** The value of the cookie, as a browser sends it back. */
  const cookieOf = (response: Response) => response.headers.get("set-cookie")?.split(";", 1).join() ?? ""

  const around = world({ clients: { web: { secret: "secret", redirectUris: ["https://app.test/callback"] } } })

  it.scoped("signs somebody in by redirects, and calls the API in their name", () =>
    Effect.gen(function* () {
      const get = yield* serving
      expect((yield* get("/me")).headers.get("location")).toBe("/login")
      const login = yield* get("/login")
      const session = cookieOf(login)
      expect(login.headers.get("set-cookie")).toMatch(/^__Host-session=.{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
      const back = yield* sentTo(login.headers.get("location") ?? "")
      const { pathname, search } = new URL(back)
      expect((yield* get(pathname + search, session)).headers.get("location")).toBe("/me")
      expect(yield* Effect.promise(async () => (await Effect.runPromise(get("/me", session))).text())).toBe(
        "ada may openid read"
      )
      expect((yield* get("/me")).headers.get("location")).toBe("/login")
    }).pipe(Effect.provide(Layer.merge(around, Transactions.layerMemory())))
  )

  it.scoped("takes no callback in a browser that has not begun it, and none twice", () =>
    Effect.gen(function* () {
      const get = yield* serving
      const login = yield* get("/login")
      const { pathname, search } = new URL(yield* sentTo(login.headers.get("location") ?? ""))
      const other = cookieOf(yield* get("/login"))
      expect((yield* get(pathname + search, other)).status).toBe(502)
      expect((yield* get(pathname + search, cookieOf(login))).status).toBe(302)
      expect((yield* get(pathname + search, cookieOf(login))).status).toBe(502)
    }).pipe(Effect.provide(Layer.merge(around, Transactions.layerMemory())))
  )
})
