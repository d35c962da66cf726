import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Request from "../../httpServer/requestReader.js"
import { refuse, type Refusal } from "./oauthError.js"

/** The parameters of a request. Those of {@link repeatable} have all their values in one, with spaces between. */
export type Form = ReadonlyMap<string, string>

/** A token can be for more than one target (RFC 8707 §2, RFC 8693 §2.1), and these are URIs, without spaces. */
const repeatable = ["resource", "audience"]

/** Parameters without a value count as left out, and none may come twice (RFC 6749 §3.1). */
export const parse = (params: URLSearchParams): Effect.Effect<Form, Refusal> =>
  Effect.suspend(() => {
    const form = new Map<string, string>()
    for (const [name, value] of params) {
      const before = form.get(name)
      if (before !== undefined && !repeatable.includes(name)) {
        return Effect.fail(refuse("invalid_request", "a parameter comes twice"))
      }
      if (value !== "") form.set(name, before === undefined ? value : `${before} ${value}`)
    }
    return Effect.succeed(form)
  })

/** The parameters of a body. */
export const read = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<Form, Refusal | Request.UnreadableBody, HttpServerRequest.HttpServerRequest> =>
  Effect.flatMap(Request.body, (body) => {
    const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase()
    return type === "application/x-www-form-urlencoded"
      ? parse(new URLSearchParams(new TextDecoder().decode(body)))
      : Effect.fail(refuse("invalid_request", "send application/x-www-form-urlencoded"))
  })
