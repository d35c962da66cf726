import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Request from "../../httpServer/requestReader.js"
import { refuse, type Refusal } from "./oauthError.js"

/** Form parameters. The values of a {@link repeatable} parameter are joined by spaces. */
export type Form = ReadonlyMap<string, string>

/** Parameters for several targets (RFC 8707 §2, RFC 8693 §2.1). Their values are URIs, without spaces. */
const repeatable = ["resource", "audience"]

/** Parses parameters. Empty ones are omitted, and repeated ones rejected (RFC 6749 §3.1). */
export const parse = (params: URLSearchParams): Effect.Effect<Form, Refusal> =>
  Effect.suspend(() => {
    const form = new Map<string, string>()
    for (const [name, value] of params) {
      const before = form.get(name)
      if (before !== undefined && !repeatable.includes(name)) {
        return Effect.fail(refuse("invalid_request", "repeated parameter"))
      }
      if (value !== "") form.set(name, before === undefined ? value : `${before} ${value}`)
    }
    return Effect.succeed(form)
  })

/** Parses the form in a request body. */
export const read = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<Form, Refusal | Request.UnreadableBody, HttpServerRequest.HttpServerRequest> =>
  Effect.flatMap(Request.body, (body) => {
    const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase()
    return type === "application/x-www-form-urlencoded"
      ? parse(new URLSearchParams(new TextDecoder().decode(body)))
      : Effect.fail(refuse("invalid_request", "Content-Type must be application/x-www-form-urlencoded"))
  })
