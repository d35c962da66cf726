import * as Effect from "effect/Effect"
import * as Request from "../httpServer/requestReader.js"
import { empty, json } from "../httpServer/responses.js"
import { get, type Handler, post, type Row } from "../httpServer/router.js"
import * as Secret from "../randomSecret.js"
import type { Settings, State } from "./state.js"

const mint =
  (state: State): Handler =>
  (request) =>
    Effect.clockWith((clock) => {
      const lifetime = Math.trunc(Request.number(request, "expires_in", { max: 1e9, fallback: 3600 }))
      const token = Secret.random()
      state.minted.set(token, clock.unsafeCurrentTimeMillis() + lifetime * 1000)
      const body = { access_token: token, expires_in: lifetime, token_type: "Bearer" }
      return json(body, { headers: { "cache-control": "no-store" } })
    })

const invalidToken = empty(401, { "www-authenticate": 'Bearer error="invalid_token"' })

/** Whether the token is one of the first `limit` tokens for `key`. Those are rejected permanently. */
const isRefused = (state: State, key: string, token: string, limit: number): boolean => {
  const refused = state.refused.get(key) ?? new Set<string>()
  if (refused.has(token)) return true
  if (refused.size >= limit) return false
  state.refused.set(key, new Set([...refused, token]))
  return true
}

const bearer =
  (state: State): Handler =>
  (request) =>
    Effect.clockWith((clock) => {
      const token = Request.credentials(request, "Bearer")
      if (token === undefined) return Effect.succeed(empty(401, { "www-authenticate": "Bearer" }))
      const limit = Request.number(request, "refuse", { max: 1000, fallback: 1 })
      const key = Request.query(request).get("key") ?? ""
      if (isRefused(state, key, token, limit)) return Effect.succeed(invalidToken)
      const end = state.minted.get(token) ?? 0
      return end > clock.unsafeCurrentTimeMillis() ? json({ authenticated: true, token }) : Effect.succeed(invalidToken)
    })

const apiKey =
  (settings: Settings): Handler =>
  (request) => {
    const key = request.headers["x-api-key"]
    return key !== undefined && settings.apiKeys.has(key)
      ? json({ authenticated: true })
      : json({ error: "unknown key" }, { status: 401, headers: { "www-authenticate": "ApiKey" } })
  }

export const routes = (state: State, settings: Settings): ReadonlyArray<Row> => [
  post("/countersign/token", mint(state)),
  get("/countersign/token", () => json({ mints: state.minted.size })),
  get("/countersign/bearer", bearer(state)),
  get("/countersign/api-key", apiKey(settings))
]
