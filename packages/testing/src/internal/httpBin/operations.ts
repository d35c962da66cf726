import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Request from "../httpServer/requestReader.js"
import { empty, json, text } from "../httpServer/responses.js"
import type { Handler, Row } from "../httpServer/router.js"
import { get, post } from "../httpServer/router.js"
import type { State } from "./state.js"
import { isAmongFirst } from "./state.js"

const path = "/countersign/operations"

const results = ["succeeded", "failed", "canceled", "running"] as const

/** How an operation ends. `running` never does. */
const resultOf = (request: HttpServerRequest.HttpServerRequest): (typeof results)[number] =>
  results.find((result) => result === Request.query(request).get("result")) ?? "succeeded"

const styles = ["location", "operation-location", "azure-asyncoperation"]

const queryOf = (request: HttpServerRequest.HttpServerRequest): string => {
  const at = request.url.indexOf("?")
  return at === -1 ? "" : request.url.slice(at)
}

/** Seconds of `Retry-After`, if the query has them. */
const waitOf = (request: HttpServerRequest.HttpServerRequest): Readonly<Record<string, string>> => {
  const seconds = Request.query(request).get("wait")
  return seconds !== null && /^\d{1,9}$/.test(seconds) ? { "retry-after": seconds } : {}
}

const start =
  (state: State): Handler =>
  (request, { style = "" }) => {
    if (!styles.includes(style)) return Effect.succeed(text(404, `Styles: ${styles.join(", ")}`))
    const id = state.counts.get("operations") ?? 0
    state.counts.set("operations", id + 1)
    return Effect.succeed(empty(202, { [style]: `${path}/${style}/${id}${queryOf(request)}`, ...waitOf(request) }))
  }

const statusWords = { succeeded: "Succeeded", failed: "Failed", canceled: "Canceled", running: "Running" } as const

const failure = { code: "Full", message: "The disk of the server is full" }

const look =
  (state: State): Handler =>
  (request, { id = "", style = "" }) => {
    const looks = Request.number(request, "looks", { max: Number.MAX_SAFE_INTEGER, fallback: 2 })
    const result = resultOf(request)
    const isRunning = isAmongFirst(state, `operation ${id}`, looks) || result === "running"
    const headers = waitOf(request)
    if (style === "location") {
      if (isRunning) return Effect.succeed(empty(202, headers))
      return result === "succeeded" ? json({ id, made: true }) : json({ status: statusWords[result], error: failure })
    }
    if (isRunning) return json({ status: "Running" }, { headers })
    return json({
      status: statusWords[result],
      ...(result === "succeeded" ? { resourceLocation: `${path}/${style}/${id}/result` } : { error: failure })
    })
  }

export const routes = (state: State): ReadonlyArray<Row> => [
  post(`${path}/:style`, start(state)),
  get(`${path}/:style/:id`, look(state)),
  get(`${path}/:style/:id/result`, (_, { id = "" }) => json({ id, made: true }))
]
