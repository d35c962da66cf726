import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Request from "../server/request.js"
import { refuse, type Refusal } from "./refusal.js"

/** The parameters of a token request. */
export type Form = ReadonlyMap<string, string>

/** Parameters without a value count as left out, and none may come twice (RFC 6749 §3.2). */
export const read = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<Form, Refusal | Request.UnreadableBody, HttpServerRequest.HttpServerRequest> =>
  Effect.gen(function* () {
    const body = new TextDecoder().decode(yield* Request.body)
    const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase()
    if (type !== "application/x-www-form-urlencoded") {
      return yield* refuse("invalid_request", "send application/x-www-form-urlencoded")
    }
    const form = new Map<string, string>()
    for (const [name, value] of new URLSearchParams(body)) {
      if (form.has(name)) return yield* refuse("invalid_request", "a parameter comes twice")
      if (value !== "") form.set(name, value)
    }
    return form
  })
