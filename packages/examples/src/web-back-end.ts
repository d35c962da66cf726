/** Web application: signs users in, stores their tokens on the server, and calls an API on behalf of each user. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Revocation from "@countersign/auth/Revocation"
import * as TransactionStore from "@countersign/auth/TransactionStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RcMap from "effect/RcMap"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"

// #region client
class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

const clientConfig: Config.Config<OAuth2.Client> = Config.map(Config.redacted("CLIENT_SECRET"), (clientSecret) => ({
  issuer: "https://oauth.test",
  clientId: "web",
  clientSecret
}))

const scopes = ["openid", "read"]

/** One API client per user, created at the first call and released after ten minutes without a call. */
const clientsOf = (client: OAuth2.Client) =>
  RcMap.make({
    lookup: (account: string) =>
      Layer.build(
        Api.layer({ baseUrl: "https://oauth.test", auth: RefreshToken.layer({ ...client, scopes, account }) })
      ).pipe(Effect.map(Context.get(Api))),
    idleTimeToLive: "10 minutes"
  })
// #endregion

// #region routes
const Resource = Schema.Struct({ sub: Schema.String, scope: Schema.String })

/** Cookies for this site only: no script can read them, and no other host can set them. */
const cookie = { httpOnly: true, secure: true, sameSite: "lax", path: "/" } as const
const signInCookie = "__Host-sign-in"
const sessionCookie = "__Host-session"

const cookieOf = (name: string) => Effect.map(HttpServerRequest.HttpServerRequest, ({ cookies }) => cookies[name] ?? "")

/** 256 random bits: impossible to guess. */
const secret = Effect.sync(() => randomBytes(32).toString("base64url"))

export const app = Effect.gen(function* () {
  const client = yield* clientConfig
  const transactions = yield* TransactionStore.TransactionStore
  const clients = yield* clientsOf(client)
  const signIn = yield* AuthorizationCode.make({ ...client, scopes, redirectUri: "https://app.test/callback" })
  // The signed-in user of each session. With more than one process, use a database.
  const sessions = new Map<string, string>()

  const login = Effect.gen(function* () {
    const browser = yield* secret
    const transaction = yield* signIn.start()
    yield* transactions.put(browser, transaction)
    const response = HttpServerResponse.redirect(transaction.url)
    return yield* HttpServerResponse.setCookie(response, signInCookie, browser, cookie)
  })

  const callback = Effect.gen(function* () {
    const { url } = yield* HttpServerRequest.HttpServerRequest
    const parameters = new URL(url, "https://app.test").searchParams
    const transaction = yield* transactions.take(yield* cookieOf(signInCookie), parameters)
    const signedIn = yield* signIn.complete(transaction, parameters)
    const account = signedIn.claims?.sub ?? ""
    yield* AuthorizationCode.storeToken({ ...client, scopes, account }, signedIn)
    // A new session id after the sign-in prevents session fixation.
    const session = yield* secret
    sessions.set(session, account)
    return yield* HttpServerResponse.setCookie(HttpServerResponse.redirect("/me"), sessionCookie, session, cookie)
  }).pipe(
    // No redirect to /login: a server with a signed-in user would redirect back at once.
    Effect.catchTag("TokenError", () =>
      HttpServerResponse.text("signing in did not work: try /login again", { status: 400 })
    )
  )

  const me = Effect.gen(function* () {
    const account = sessions.get(yield* cookieOf(sessionCookie))
    if (account === undefined) return HttpServerResponse.redirect("/login")
    const api = yield* RcMap.get(clients, account)
    const { scope, sub } = yield* api.get("/resource", { schema: Resource })
    return HttpServerResponse.text(`${sub} may ${scope}`)
  }).pipe(
    Effect.scoped,
    Effect.catchIf(
      (error) => error._tag === "TokenError" && error.reason === "ReauthorizationRequired",
      () => HttpServerResponse.redirect("/login")
    )
  )

  const logout = Effect.gen(function* () {
    const session = yield* cookieOf(sessionCookie)
    const account = sessions.get(session)
    sessions.delete(session)
    if (account !== undefined) yield* Revocation.signOut({ ...client, scopes, account })
    return HttpServerResponse.text("signed out")
  })

  return HttpRouter.empty.pipe(
    HttpRouter.get("/login", login),
    HttpRouter.get("/callback", callback),
    HttpRouter.get("/me", me),
    HttpRouter.post("/logout", logout)
  )
})
// #endregion
