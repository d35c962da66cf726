import * as Headers from "@effect/platform/Headers"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Connection from "../../httpServer/socketFaults.js"

/** One call of the token endpoint. */
export interface TokenCall {
  /** Number of the call, starting at 0. */
  readonly index: number
  /** The requested grant type, or `undefined` when the request has none. */
  readonly grantType: string | undefined
  /** Time of the call, in epoch milliseconds. */
  readonly at: number
}

type Response = HttpServerResponse.HttpServerResponse

/** The request of a call. `closing` completes when the server stops. */
export interface Exchange {
  readonly request: HttpServerRequest.HttpServerRequest
  readonly closing: Effect.Effect<void>
}

/** A replacement of a response of the token endpoint. */
export interface Fault {
  /** Whether the grant is executed before the fault. */
  readonly afterGrant: boolean
  /** Makes the response. `own` is the server's response; it is empty when the grant was not executed. */
  readonly answer: (own: Response, exchange: Exchange) => Effect.Effect<Response>
}

export type Script = ReadonlyArray<Fault | undefined> | ((call: TokenCall) => Fault | undefined)

/** Selects the fault of a call. A list starts at the call that followed `setFaults`. */
export const pick = ({ from, script }: { from: number; script: Script }, call: TokenCall): Fault | undefined =>
  typeof script === "function" ? script(call) : script[call.index - from]

/** The server's own response, for faults that change only its transmission. */
export const own: Fault = { afterGrant: true, answer: Effect.succeed }

/** A fault with a changed response. */
export const mapped = (
  fault: Fault,
  change: (answer: Effect.Effect<Response>, exchange: Exchange) => Effect.Effect<Response>
): Fault => ({ ...fault, answer: (own, exchange) => change(fault.answer(own, exchange), exchange) })

/** No response until the client disconnects or the server stops. */
export const silence: Fault = {
  afterGrant: false,
  answer: (_, { closing, request }) => Effect.zipRight(closing, Connection.drop(request, "close"))
}

export const dropped = (ending: Connection.Ending): Fault => ({
  afterGrant: false,
  answer: (_, { request }) => Connection.drop(request, ending)
})

export const canned = (status: number, body: string, input: Readonly<Record<string, string>>): Fault => {
  const headers = Headers.fromInput(input)
  const contentType = headers["content-type"] ?? "text/html"
  // The in-memory transport rejects a body with these statuses, as the Fetch standard requires.
  const response =
    status === 204 || status === 304
      ? HttpServerResponse.empty({ status, headers })
      : HttpServerResponse.uint8Array(new TextEncoder().encode(body), { status, headers, contentType })
  return { afterGrant: false, answer: () => Effect.succeed(response) }
}

/** Headers without the length, for a changed body. */
const unmeasured = ({ headers, status }: Response) => ({
  status,
  headers: Headers.remove(headers, "content-length"),
  contentType: headers["content-type"] ?? "application/json"
})

export const edited = (edit: (body: string) => string): Fault => ({
  afterGrant: true,
  answer: (own) => {
    if (own.status !== 200) return Effect.succeed(own)
    const body = edit(new TextDecoder().decode(Connection.bytesOf(own)))
    return Effect.succeed(HttpServerResponse.uint8Array(new TextEncoder().encode(body), unmeasured(own)))
  }
})

/** Replaces members of a JSON object. A member that is `undefined` is removed. */
export const merged = (body: string, fields: Readonly<Record<string, unknown>>): string =>
  // The body is the token response of this server, which is a JSON object.
  JSON.stringify({ ...(JSON.parse(body) as object), ...fields })

const spaces = new Uint8Array(256 * 1024).fill(32)

// One turn of the event loop. In memory, an endless body without turns would block all timers.
const turn = Effect.async<void>((resume) => {
  const timer = setTimeout(() => resume(Effect.void), 0)
  return Effect.sync(() => clearTimeout(timer))
})

/** Appends spaces, which are valid after JSON (RFC 8259 §2). */
export const oversized = (length: number): Fault => ({
  afterGrant: true,
  answer: (own) => {
    const bytes = Connection.bytesOf(own)
    const missing = Math.max(0, length - bytes.length)
    const whole = Stream.repeatEffect(Effect.as(turn, spaces))
    const padding =
      missing === Number.POSITIVE_INFINITY
        ? whole
        : Stream.concat(
            Stream.take(whole, Math.floor(missing / spaces.length)),
            Stream.make(spaces.subarray(0, missing % spaces.length))
          )
    const contentLength = missing === Number.POSITIVE_INFINITY ? {} : { contentLength: bytes.length + missing }
    return Effect.succeed(
      HttpServerResponse.stream(Stream.concat(Stream.make(bytes), padding), { ...unmeasured(own), ...contentLength })
    )
  }
})
