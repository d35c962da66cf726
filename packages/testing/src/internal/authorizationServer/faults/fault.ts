import * as Headers from "@effect/platform/Headers"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Connection from "../../httpServer/socketFaults.js"

/** One call of the token endpoint as a script of faults sees it. */
export interface TokenCall {
  readonly index: number
  readonly grantType: string | undefined
  readonly at: number
}

type Response = HttpServerResponse.HttpServerResponse

/** The call that a fault answers; `closing` is when the server ends. */
export interface Exchange {
  readonly request: HttpServerRequest.HttpServerRequest
  readonly closing: Effect.Effect<void>
}

/** An answer of the token endpoint that is none of its own. */
export interface Fault {
  /** Whether the grant is carried out before its answer is replaced. */
  readonly afterGrant: boolean
  /** Makes the answer; `own` is the server's, and empty where the grant was not carried out. */
  readonly answer: (own: Response, exchange: Exchange) => Effect.Effect<Response>
}

export type Script = ReadonlyArray<Fault | undefined> | ((call: TokenCall) => Fault | undefined)

/** The fault of a call; a list counts from the call that was the first when it was set. */
export const pick = ({ from, script }: { from: number; script: Script }, call: TokenCall): Fault | undefined =>
  typeof script === "function" ? script(call) : script[call.index - from]

/** The server's own answer, for faults in how it is sent. */
export const own: Fault = { afterGrant: true, answer: Effect.succeed }

/** A fault whose answer is changed on its way. */
export const mapped = (
  fault: Fault,
  change: (answer: Effect.Effect<Response>, exchange: Exchange) => Effect.Effect<Response>
): Fault => ({ ...fault, answer: (own, exchange) => change(fault.answer(own, exchange), exchange) })

/** Nothing, until the client goes away, or the server. */
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
  // A status without content refuses a body in the in-memory transport, as the Fetch standard has it.
  const response =
    status === 204 || status === 304
      ? HttpServerResponse.empty({ status, headers })
      : HttpServerResponse.uint8Array(new TextEncoder().encode(body), { status, headers, contentType })
  return { afterGrant: false, answer: () => Effect.succeed(response) }
}

/** The fields of an answer but for its length, for another body. */
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

/** JSON with other fields; one that becomes `undefined` is left out. */
export const merged = (body: string, fields: Readonly<Record<string, unknown>>): string =>
  // The body is this server's own token answer, which is an object.
  JSON.stringify({ ...(JSON.parse(body) as object), ...fields })

const spaces = new Uint8Array(256 * 1024).fill(32)

/** A turn of the event loop. In memory a body is made and read in microtasks, and one without end would let no timer run. */
const turn = Effect.async<void>((resume) => {
  const timer = setTimeout(() => resume(Effect.void), 0)
  return Effect.sync(() => clearTimeout(timer))
})

/** Spaces after JSON are JSON (RFC 8259 §2). */
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
