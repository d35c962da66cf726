import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Request from "../httpServer/requestReader.js"
import { empty, html, json } from "../httpServer/responses.js"
import { get, type Row } from "../httpServer/router.js"
import type { Settings } from "./state.js"

/** The 401 of httpbin for Basic: with this realm and without a body. */
export const basicChallenge: HttpServerResponse.HttpServerResponse = empty(401, {
  "www-authenticate": 'Basic realm="Fake Realm"'
})

/** Accepts the credentials in the path, unless the settings name another password. */
const basicAuth = (settings: Settings): Row =>
  get("/basic-auth/:user/:passwd", (request, { passwd, user }) => {
    const [name, password] = Request.basic(request) ?? []
    const accepted = name === user && password === (settings.password ?? passwd)
    return accepted ? json({ authenticated: true, user }) : Effect.succeed(basicChallenge)
  })

const bearer: Row = get("/bearer", (request) => {
  const token = Request.credentials(request, "Bearer")
  return token === undefined
    ? Effect.succeed(empty(401, { ...html, "www-authenticate": "Bearer" }))
    : json({ authenticated: true, token })
})

export const routes = (settings: Settings): ReadonlyArray<Row> => [basicAuth(settings), bearer]
