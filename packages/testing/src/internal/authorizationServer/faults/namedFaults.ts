/** The faults of the public module. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Connection from "../../httpServer/socketFaults.js"
import * as OptionNames from "../../options/optionNames.js"
import * as Fault from "./fault.js"

/**
 * Fault that replaces the response by a status, a body and headers. The grant is not executed.
 *
 * `fault(500)`, `fault(429, "", { "retry-after": "2" })`, `fault(200, "<html>")`. The `content-type` is `text/html` unless
 * `headers` has one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fault = (status: number, body = "", headers: Readonly<Record<string, string>> = {}): Fault.Fault =>
  Fault.canned(status, body, headers)

/**
 * Fault that sends no response until the client disconnects. The grant is not executed; `lostResponse(hang)` executes it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hang: Fault.Fault = Fault.silence

/**
 * Fault that ends the connection instead of a response, with a FIN (`close`) or a RST (`reset`). The grant is not executed;
 * `lostResponse(disconnect("reset"))` executes it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const disconnect = (how: "close" | "reset" = "reset"): Fault.Fault => Fault.dropped(how)

/**
 * Fault that changes the members or the text of a successful response. Error responses stay unchanged.
 *
 * `malformed({ expires_in: "3600" })` replaces a member, `malformed({ access_token: undefined })` removes one, and a function
 * changes the text.
 *
 * @since 0.1.0
 * @category constructors
 */
export const malformed = (change: Readonly<Record<string, unknown>> | ((body: string) => string)): Fault.Fault =>
  Fault.edited(typeof change === "function" ? change : (body) => Fault.merged(body, change))

/**
 * Fault that pads the server's response with spaces to a number of bytes (endless, without `Content-Length`, by default). The
 * response stays valid JSON, so only a size limit of the client stops it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const oversized = (bytes: number = Number.POSITIVE_INFINITY): Fault.Fault => Fault.oversized(bytes)

/**
 * Fault after the grant: the server executes the grant and rotates the refresh token, but the client receives `fault`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lostResponse = (fault: Fault.Fault): Fault.Fault => ({ ...fault, afterGrant: true })

/**
 * Fault that delays a response on Effect's Clock: `fault`, or the server's own response. The grant of the latter is executed
 * at once. The delay ends early when the server stops.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slow = (duration: Duration.DurationInput, fault: Fault.Fault = Fault.own): Fault.Fault =>
  Fault.mapped(fault, (answer, { closing }) =>
    Effect.zipRight(Effect.raceFirst(Effect.sleep(duration), closing), answer)
  )

/**
 * Fault that interrupts a response: the headers have the whole length, and the connection ends after `after` bytes of the body
 * (half of it by default), with a FIN (`close`) or a RST (`reset`). In memory, the body fails.
 *
 * The response is that of `fault`, or the server's own; then its grant is executed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncated = (
  options: { readonly after?: number | undefined; readonly how?: "close" | "reset" | undefined } = {},
  fault: Fault.Fault = Fault.own
): Fault.Fault => {
  OptionNames.known("`OAuthServer.truncated`", options, { after: "size", how: true })
  return Fault.mapped(fault, (answer, { request }) =>
    Effect.map(answer, (response) => Connection.cut(request, response, options))
  )
}
