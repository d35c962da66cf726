/** Makes the steps of a mock transport. */
import type * as Duration from "effect/Duration"
import * as Stream from "effect/Stream"
import * as OptionNames from "../options/optionNames.js"
import type { HeadersInput, Step } from "./step.js"
import { codedError } from "./step.js"

const bytes = (body: string | Uint8Array): Uint8Array =>
  typeof body === "string" ? new TextEncoder().encode(body) : body

const contentType = (body: unknown): string =>
  typeof body === "string"
    ? "text/plain; charset=utf-8"
    : body instanceof Uint8Array
      ? "application/octet-stream"
      : "application/json"

/**
 * Step that responds with a status (any integer), a body and headers.
 *
 * A string is sent as text, a `Uint8Array` unchanged, and any other value as JSON. `content-type` is set accordingly, unless
 * `headers` has one. Without `body`, no body is sent. Responses with status 204, 205 or 304 and responses to HEAD have no body.
 *
 * @since 0.1.0
 * @category constructors
 */
export const respond = (status: number, body?: unknown, headers: HeadersInput = {}): Step => {
  if (body === undefined) return { _tag: "Respond", status, headers, body: undefined }
  const content = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "content-type")
  return {
    _tag: "Respond",
    status,
    headers: named ? headers : { ...headers, "content-type": contentType(body) },
    body: bytes(content)
  }
}

/**
 * Step that responds with a streaming body. The stream runs when the body is read.
 *
 * The stream uses the Clock of the request, so a stream that sleeps is a slow body under `TestClock`. An error of the stream
 * fails the body.
 *
 * @since 0.1.0
 * @category constructors
 */
export const respondStream = (
  status: number,
  body: Stream.Stream<Uint8Array, unknown>,
  headers: HeadersInput = {}
): Step => ({ _tag: "Respond", status, headers, body })

/**
 * Step that responds with `status` and headers, and then interrupts the body after `partial`, like a server that closes its
 * socket.
 *
 * The reader fails with `ResponseError` (`Decode`), which has the status. The code is in `cause.cause.code`. It is
 * `UND_ERR_SOCKET` unless `code` is set.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncated = (
  status: number,
  partial: string | Uint8Array,
  options: { readonly code?: string; readonly headers?: HeadersInput } = {}
): Step => {
  OptionNames.known("`MockClient.truncated`", options, { code: true, headers: true })
  const cause = codedError(options.code ?? "UND_ERR_SOCKET")
  const body = Stream.concat(Stream.make(bytes(partial)), Stream.fail(new TypeError("terminated", { cause })))
  return respondStream(status, body, options.headers)
}

/**
 * Step that fails like a transport: with `RequestError` (`Transport`) and an `Error` with this `code` as its cause.
 *
 * Codes are for example `ECONNREFUSED`, `ECONNRESET`, `ENOTFOUND`, `UND_ERR_SOCKET`, `UND_ERR_CONNECT_TIMEOUT` or
 * `UND_ERR_HEADERS_TIMEOUT`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fail = (code: string, message?: string): Step => ({ _tag: "Fail", error: codedError(code, message) })

/**
 * Step that never responds. The interruption of the request is recorded in `interrupted`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const never: Step = { _tag: "Never" }

/**
 * Step that waits on Effect's Clock, and then does `step`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const delay = (duration: Duration.DurationInput, step: Step): Step => ({ _tag: "Delay", duration, step })
