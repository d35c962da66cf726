import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Request from "../httpServer/requestReader.js"
import { json, text } from "../httpServer/responses.js"
import type { Handler, Row } from "../httpServer/router.js"
import { isAmongFirst, type State } from "./state.js"

const anyMethod: Row["methods"] = ["GET", "POST", "PUT", "PATCH", "DELETE"]

const times = (request: HttpServerRequest.HttpServerRequest): number =>
  Request.number(request, "times", { max: Number.MAX_SAFE_INTEGER, fallback: 1 })

/** A date has whole seconds. It is rounded up, so that a client that waits for it never comes before `seconds` from now. */
const httpDate = (now: number, seconds: number): string =>
  DateTime.toDateUtc(DateTime.unsafeMake(Math.ceil((now + seconds * 1000) / 1000) * 1000)).toUTCString()

type Spelling = (seconds: number, now: number) => Readonly<Record<string, string>>

const spellings: Readonly<Record<string, Spelling>> = {
  seconds: (seconds) => ({ "retry-after": String(seconds) }),
  date: (seconds, now) => ({ "retry-after": httpDate(now, seconds) }),
  ms: (seconds) => ({ "retry-after-ms": String(Math.round(seconds * 1000)) }),
  none: () => ({})
}

const retryAfter =
  (state: State): Handler =>
  (request, { spelling = "" }) => {
    const spell = Object.hasOwn(spellings, spelling) ? spellings[spelling] : undefined
    if (spell === undefined) return Effect.succeed(text(404, `Spellings: ${Object.keys(spellings).join(", ")}`))
    const key = `retry-after ${spelling} ${Request.query(request).get("key") ?? ""}`
    if (!isAmongFirst(state, key, times(request))) return json({ ok: true })
    const amount = Request.number(request, "amount", { max: 1e9, fallback: 1 })
    return Effect.clockWith((clock) =>
      json({ error: "rate limited" }, { status: 429, headers: spell(amount, clock.unsafeCurrentTimeMillis()) })
    )
  }

const maxBytes = 64 * 1024 * 1024

const unavailable =
  (state: State): Handler =>
  (request) => {
    const key = `unavailable ${Request.query(request).get("key") ?? ""}`
    if (!isAmongFirst(state, key, times(request))) return json({ ok: true })
    const length = Math.trunc(Request.number(request, "bytes", { max: maxBytes, fallback: 1_048_576 }))
    const body = new Uint8Array(length).fill(120)
    return Effect.succeed(HttpServerResponse.uint8Array(body, { status: 503, contentType: "text/plain" }))
  }

export const routes = (state: State): ReadonlyArray<Row> => [
  { methods: anyMethod, path: "/countersign/retry-after/:spelling", handler: retryAfter(state) },
  { methods: anyMethod, path: "/countersign/unavailable", handler: unavailable(state) }
]
