/** Failures of streamed request bodies, for transports such as `fetch` that report them as failures of the connection. */
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describeFailure } from "../errors/failureDetails.js"
import { copyHistory } from "../redaction/requestHistory.js"
import { isAboutResponse } from "../runtime/transportFailure.js"

type Request = HttpClientRequest.HttpClientRequest

const details = { phase: "written", reason: "RequestBodyFailed", detail: "the source of the body failed" } as const

/** The request with another stream as its body. Its header fields stay as they are. */
const withStream = (request: Request, body: HttpBody.Stream, stream: HttpBody.Stream["stream"]): Request => {
  const type = request.headers["content-type"] ?? body.contentType
  return copyHistory(request, HttpClientRequest.setBody(request, HttpBody.stream(stream, type, body.contentLength)))
}

/** Sends a request. If its streamed body fails, the error says so, and the request is not retried. */
export const sendWatched = <R>(
  transport: HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>,
  request: Request
): Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError, R> => {
  const { body } = request
  if (body._tag !== "Stream") return transport.execute(request)
  return Effect.suspend(() => {
    let hasFailed = false
    const watched = Stream.tapErrorCause(body.stream, (cause) =>
      Effect.sync(() => {
        hasFailed ||= !Cause.isInterruptedOnly(cause)
      })
    )
    return Effect.mapError(transport.execute(withStream(request, body, watched)), (error) =>
      hasFailed && !isAboutResponse(error) ? describeFailure(error, details) : error
    )
  })
}
