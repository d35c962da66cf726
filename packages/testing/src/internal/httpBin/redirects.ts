import * as Effect from "effect/Effect"
import * as Request from "../httpServer/requestReader.js"
import { empty, html, isField, text } from "../httpServer/responses.js"
import { type Handler, type Row } from "../httpServer/router.js"

const redirectTo: Handler = (request) => {
  const query = Request.query(request)
  const location = query.get("url")
  if (location === null || !isField("location", location))
    return Effect.succeed(text(400, "Invalid url: give a valid ?url="))
  const status = Number(query.get("status_code"))
  return Effect.succeed(
    empty(status >= 300 && status < 400 && Number.isInteger(status) ? status : 302, { ...html, location })
  )
}

/** `/redirect/3` redirects to `/relative-redirect/2`, and so on down to `/get`. */
const countdown: Handler = (_, { n }) => {
  const left = Number(n)
  if (!Number.isSafeInteger(left) || left < 1) return Effect.succeed(text(400, "Invalid n: give a number from 1"))
  return Effect.succeed(empty(302, { ...html, location: left === 1 ? "/get" : `/relative-redirect/${left - 1}` }))
}

export const routes: ReadonlyArray<Row> = [
  // Every method, because tests check how a client redirects a POST for 301, 303 and 307.
  { methods: ["GET", "POST", "PUT", "PATCH", "DELETE"], path: "/redirect-to", handler: redirectTo },
  { methods: ["GET"], path: "/redirect/:n", handler: countdown },
  { methods: ["GET"], path: "/relative-redirect/:n", handler: countdown }
]
