/** Requests to servers that issue credentials: bounded in time and size, without redirects. */
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as HttpClient from "@effect/platform/HttpClient"
import type { SendError } from "@countersign/client/Errors"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { TokenError } from "../../Errors.js"
import { retryAtOf } from "./fetchAdapter.js"

const maxResponseBytes = 64 * 1024

/** The error of a server that did not answer. */
export const unavailable = (detail: string, retryAt?: number): TokenError =>
  new TokenError({ reason: "Unavailable", detail, retryAt })

/** The error of a request without a complete response. */
const failureOf = (server: string, { _tag }: SendError): TokenError =>
  _tag === "BodyTooLarge"
    ? new TokenError({
        reason: "InvalidResponse",
        detail: `the response of ${server} is invalid: it has more than ${maxResponseBytes} bytes. Check whether another server answered.`
      })
    : unavailable(`${server} could not be reached (${_tag}). Check the network.`)

/** A response with its text. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly retryAt: number | undefined
}

/** Sends a request. Fails with `TokenError` if no response arrives. */
export const send = (
  request: HttpClientRequest.HttpClientRequest,
  server: string,
  timeout: Duration.DurationInput = "10 seconds"
): Effect.Effect<Answer, TokenError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const client = Transport.fromHttpClient(yield* HttpClient.HttpClient).pipe(
      Transport.bufferBodies(maxResponseBytes, () => true),
      Timeout.call(timeout)
    )
    const response = yield* Effect.mapError(client.execute(request), (error) => failureOf(server, error))
    const now = yield* Clock.currentTimeMillis
    // The body is buffered: reading it again cannot fail.
    const text = yield* Effect.orElseSucceed(response.text, () => "")
    return { status: response.status, text, retryAt: retryAtOf(response.headers, now) }
  })
