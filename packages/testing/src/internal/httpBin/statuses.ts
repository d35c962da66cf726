import type * as HttpMethod from "@effect/platform/HttpMethod"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Request from "../httpServer/requestReader.js"
import { empty, html, isField, json, text } from "../httpServer/responses.js"
import { get, type Handler, type Row } from "../httpServer/router.js"
import { basicChallenge } from "./basicAuth.js"
import { common } from "./echo.js"

const anyMethod: ReadonlyArray<HttpMethod.HttpMethod> = ["GET", "POST", "PUT", "PATCH", "DELETE"]

const isRedirect = (status: number): boolean => [301, 302, 303, 305, 307].includes(status)

const answer = (status: number): HttpServerResponse.HttpServerResponse =>
  status === 401 ? basicChallenge : empty(status, isRedirect(status) ? { location: "/redirect/1" } : html)

/** The status, or one of several, chosen with Effect's `Random`. */
const status: Handler = (_, { codes = "" }) => {
  const statuses = codes.split(",").map((code) => Number(code.split(":")[0]))
  if (!statuses.every((code) => Number.isInteger(code) && code >= 200 && code <= 599)) {
    return Effect.succeed(text(400, "Invalid status code"))
  }
  return Effect.map(Random.nextIntBetween(0, statuses.length), (at) => answer(statuses[at] ?? 400))
}

/** Waits on Effect's Clock, at most ten seconds. */
const delay: Handler = (request, { n }) => {
  const seconds = Math.min(Number(n), 10)
  if (!(seconds >= 0)) return Effect.succeed(text(400, "Invalid delay"))
  const echo = json({ ...common(request), data: "", files: {}, form: {} })
  return Effect.delay(echo, seconds * 1000)
}

/** Headers from the query. Several cookies stay separate, and other repeated headers are joined by commas. */
const responseHeaders: Handler = (request) => {
  const query = Request.query(request)
  if (![...query].every(([name, value]) => isField(name, value))) return Effect.succeed(text(400, "Invalid header"))
  const cookies = Cookies.fromSetCookie([...query].filter(([name]) => isSetCookie(name)).map(([, value]) => value))
  const names = [...new Set(query.keys())].filter((name) => !isSetCookie(name))
  const fields = names.map((name) => [name.toLowerCase(), query.getAll(name).join(", ")] as const)
  const shown = Object.fromEntries([...new Set(query.keys())].map((name) => [name, one(query.getAll(name))]))
  return json({ "Content-Type": "application/json", ...shown }, { headers: Object.fromEntries(fields) }).pipe(
    Effect.map(HttpServerResponse.mergeCookies(cookies))
  )
}

const isSetCookie = (name: string): boolean => name.toLowerCase() === "set-cookie"

const one = (values: ReadonlyArray<string>): string | ReadonlyArray<string> | undefined =>
  values.length === 1 ? values[0] : values

export const routes: ReadonlyArray<Row> = [
  { methods: anyMethod, path: "/status/:codes", handler: status },
  { methods: anyMethod, path: "/delay/:n", handler: delay },
  get("/response-headers", responseHeaders)
]
