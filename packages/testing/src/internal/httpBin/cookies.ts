import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Request from "../httpServer/requestReader.js"
import { empty, html, json, text } from "../httpServer/responses.js"
import { get, type Handler, type Row } from "../httpServer/router.js"

type Pairs = Iterable<readonly [string, string]>

const toCookies = empty(302, { ...html, location: "/cookies" })

const invalid = Effect.succeed(text(400, "Invalid cookie"))

const set = (pairs: Pairs) =>
  HttpServerResponse.setCookies(
    toCookies,
    [...pairs].map(([name, value]) => [name, value, { path: "/" }] as const)
  ).pipe(Effect.catchTag("CookieError", () => invalid))

const remove: Handler = (request) => {
  const names = [...new Set(Request.query(request).keys())]
  const expired = { path: "/", maxAge: "0 seconds" } as const
  return HttpServerResponse.setCookies(
    toCookies,
    names.map((name) => [name, "", expired] as const)
  ).pipe(Effect.catchTag("CookieError", () => invalid))
}

export const routes: ReadonlyArray<Row> = [
  get("/cookies", (request) => json({ cookies: request.cookies })),
  get("/cookies/set", (request) => set(Request.query(request))),
  get("/cookies/set/:name/:value", (_, { name = "", value = "" }) => set([[name, value]])),
  get("/cookies/delete", remove)
]
