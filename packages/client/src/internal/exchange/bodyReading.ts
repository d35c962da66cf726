/** Reading of a response body as part of its exchange. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { TransportError } from "../../Errors.js"
import { BodyTooLarge } from "../../Errors.js"
import * as Timeline from "../../Timeline.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { bufferedBodyOf } from "../response/bufferedBody.js"
import { BufferedResponse } from "../response/clientResponse.js"
import * as body from "../response/readBody.js"
import { transportError } from "./typedError.js"

/** Which response bodies are read within the exchange, and their maximum size in bytes. */
export interface BodyReading {
  readonly limit: number
  readonly isWanted: (response: HttpClientResponse) => boolean
}

/** Reads the body of a response, if it is wanted. An exit if nothing has to be awaited. */
export const readBody = (
  { isWanted, limit }: BodyReading,
  request: HttpClientRequest,
  response: HttpClientResponse
): Effect.Effect<HttpClientResponse, TransportError | BodyTooLarge> => {
  try {
    return isWanted(response) ? readWhole(request, response, limit) : Exit.succeed(response)
  } catch (defect) {
    // A transport calls this outside of any fiber, so an exception of `isWanted` must not be thrown to it.
    return Exit.die(defect)
  }
}

const readWhole = (
  request: HttpClientRequest,
  response: HttpClientResponse,
  limit: number
): Effect.Effect<HttpClientResponse, TransportError | BodyTooLarge> => {
  const tooLarge = () => Exit.fail(new BodyTooLarge({ method: request.method, url: redactedUrl(request), limit }))
  const available = bufferedBodyOf(response)
  if (available !== undefined)
    return available.length <= limit ? Exit.succeed(new BufferedResponse(response, available)) : tooLarge()
  return Effect.matchEffect(body.readBounded(response, limit), {
    onFailure: (cause) => {
      const error = transportError(request, cause, true)
      return Effect.zipRight(
        Timeline.emit(() => ({ _tag: "RequestFailed", reason: error.reason })),
        Effect.fail(error)
      )
    },
    onSuccess: (read) => (Option.isSome(read) ? Effect.succeed<HttpClientResponse>(read.value) : tooLarge())
  })
}
