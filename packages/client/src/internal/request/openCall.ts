/** The call of `api.open`: a request with a streamed response. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { hasBody } from "@effect/platform/HttpMethod"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Call from "../../Call.js"
import type { InvalidRequest } from "../../Errors.js"
import type { Policy } from "../call/pipeline.js"
import { makePolicy } from "../call/pipeline.js"
import type { JsonCodec } from "../../JsonCodec.js"
import type { OpenResponse } from "../../OpenResponse.js"
import { defaults as openDefaults, openResponse } from "../response/openResponse.js"
import type { DefaultHeaders } from "./call.js"
import { makeAnyCall, noOptions, unreadableOptions } from "./call.js"
import type { Kinds } from "./optionKinds.js"
import { findWrongKind, idleKind } from "./optionKinds.js"
import { bodilessOpenNames, openNames } from "./optionNames.js"

type OpenOptions = Call.OpenOptions<undefined, unknown>

/** Sends the request of an open call. The response has its body as a stream. */
export interface OpenSend<out E> {
  (request: Parameters<Call.Send<E>>[0], options: OpenOptions): ReturnType<Call.Send<E>>
}

type Opened<E> = Effect.Effect<OpenResponse, E | InvalidRequest, Scope.Scope>

const kinds: Partial<Kinds<OpenOptions>> = { idle: idleKind }

/** The longest silence of a body. Infinite for none. */
export const idleOf = ({ idle = openDefaults.idle }: Pick<OpenOptions, "idle">): Duration.Duration =>
  idle === false ? Duration.infinity : Duration.decode(idle)

/** Gives the transport the longest silence of the body. */
export const limitBody = (bodyTimeout: Duration.Duration): Policy =>
  makePolicy((request, next, context) => next(request, { ...context, limits: { bodyTimeout } }))

/**
 * Makes the function `open` of a client. It returns an effect and never throws.
 *
 * @param isLimited - whether the transport bounds the silence of a body.
 */
export const makeOpenCall = <E>(
  send: OpenSend<E>,
  codec: JsonCodec | undefined,
  defaults: DefaultHeaders | undefined,
  isLimited: boolean
): ((url: string | URL, given?: OpenOptions | null) => Opened<E>) => {
  const callWith = (method: string) => {
    const names = hasBody(method as "GET") ? openNames : bodilessOpenNames // It compares the text only.
    return makeAnyCall(method, send, codec, defaults, names)
  }
  const get = callWith("GET")
  return (url: string | URL, given?: OpenOptions | null): Opened<E> => {
    const options: OpenOptions = given ?? noOptions
    try {
      const { method = "GET" } = options
      const wrong = findWrongKind(options, kinds)
      if (wrong !== undefined) return Effect.fail(wrong)
      const call = method === "GET" ? get : callWith(method)
      // Without `schema` the result of a call is its response, and it requires what the type of `open` says.
      const response = call(url, options) as Effect.Effect<HttpClientResponse, E | InvalidRequest>
      return openResponse(response, { idle: isLimited ? Duration.infinity : idleOf(options), codec })
    } catch {
      return Effect.fail(unreadableOptions)
    }
  }
}
