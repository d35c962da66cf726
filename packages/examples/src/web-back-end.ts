/** A web application that signs its users in, keeps their tokens to itself, and calls an API in their names. */
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Transactions from "@countersign/auth/Transactions"
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
class Api extends ApiClient.Tag("app/Api")<Api>() {}

const clientConfig: Config.Config<OAuth2.Client> = Config.map(Config.redacted("CLIENT_SECRET"), (clientSecret) => ({
  issuer: "https://oauth.test",
  clientId: "web",
  clientSecret
}))

const scopes = ["openid", "read"]

/** A client of the API for each user, by the name of their session: made when it is needed, and let go when it is not. */
const clientsOf = (client: OAuth2.Client) =>
  RcMap.make({
    lookup: (account: string) =>
      Layer.build(
        Api.layer({ baseUrl: "https://oauth.test" }).pipe(
          Layer.provide(RefreshToken.layer({ ...client, scopes, account }))
        )
      ).pipe(Effect.map(Context.get(Api))),
    idleTimeToLive: "10 minutes"
  })
// #endregion

// #region routes
const Resource = Schema.Struct({ sub: Schema.String, scope: Schema.String })

/** A cookie that only this site sends, that no script reads, and that came from nobody but us. */
const cookie = { httpOnly: true, secure: true, sameSite: "lax", path: "/" } as const

const sessionOf = Effect.map(HttpServerRequest.HttpServerRequest, ({ cookies }) => cookies["__Host-session"] ?? "")

export const app = Effect.gen(function* () {
  const client = yield* clientConfig
  const transactions = yield* Transactions.Transactions
  const clients = yield* clientsOf(client)
  const signIn = yield* AuthorizationCode.make({ ...client, scopes, redirectUri: "https://app.test/callback" })

  const login = Effect.gen(function* () {
    const session = randomBytes(32).toString("base64url")
    const transaction = yield* signIn.begin()
    yield* transactions.put(session, transaction)
    const response = HttpServerResponse.redirect(transaction.url)
    return yield* HttpServerResponse.setCookie(response, "__Host-session", session, cookie)
  })

  const callback = Effect.gen(function* () {
    const session = yield* sessionOf
    const { url } = yield* HttpServerRequest.HttpServerRequest
    const parameters = new URL(url, "https://app.test").searchParams
    const transaction = yield* transactions.take(session, parameters)
    const signedIn = yield* signIn.finish(transaction, parameters)
    yield* AuthorizationCode.store({ ...client, scopes, account: session }, signedIn)
    return HttpServerResponse.redirect("/me")
  })

  const me = Effect.gen(function* () {
    const api = yield* RcMap.get(clients, yield* sessionOf)
    const { scope, sub } = yield* api.get("/resource", { schema: Resource })
    return HttpServerResponse.text(`${sub} may ${scope}`)
  }).pipe(Effect.scoped)

  return HttpRouter.empty.pipe(
    HttpRouter.get("/login", login),
    HttpRouter.get("/callback", callback),
    HttpRouter.get("/me", me),
    HttpRouter.catchTag("TokenError", ({ reason }) =>
      reason === "ReauthorizationRequired"
        ? HttpServerResponse.redirect("/login")
        : HttpServerResponse.text("signing in did not work: try again", { status: 502 })
    )
  )
})
// #endregion
