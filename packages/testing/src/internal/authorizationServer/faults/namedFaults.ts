/** The faults by name, as a script writes them. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Connection from "../../httpServer/socketFaults.js"
import * as Fault from "./fault.js"

/**
 * An answer in the place of the grant, which is not carried out: `fault(500)`, `fault(429, "", { "retry-after": "2" })`,
 * `fault(200, "<html>")`, `fault(403)`, `fault(200)`. The type is `text/html` unless `headers` say otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fault = (status: number, body = "", headers: Readonly<Record<string, string>> = {}): Fault.Fault =>
  Fault.canned(status, body, headers)

/**
 * No answer at all, until the client goes away. The grant is not carried out; `lostResponse(hang)` carries it out.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hang: Fault.Fault = Fault.silence

/**
 * The connection ends in the place of an answer, with a FIN (`close`) or a RST. The grant is not carried out;
 * `lostResponse(disconnect("reset"))` carries it out.
 *
 * @since 0.1.0
 * @category constructors
 */
export const disconnect = (how: "close" | "reset" = "reset"): Fault.Fault => Fault.dropped(how)

/**
 * The server's own answer with other fields: `malformed({ expires_in: "3600" })`, `malformed({ access_token: undefined })`
 * for one without a token; or with its text changed by a function. Refusals stay as they are.
 *
 * @since 0.1.0
 * @category constructors
 */
export const malformed = (change: Readonly<Record<string, unknown>> | ((body: string) => string)): Fault.Fault =>
  Fault.edited(typeof change === "function" ? change : (body) => Fault.merged(body, change))

/**
 * The server's own answer, and spaces after it until it has so many bytes (without end, and without a
 * `Content-Length`). It stays good JSON: nothing but a limit keeps a client from reading on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const oversized = (bytes: number = Number.POSITIVE_INFINITY): Fault.Fault => Fault.oversized(bytes)

/**
 * An answer that gets lost: the grant *is* carried out, a refresh token rotated, and the client sees this fault.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lostResponse = (fault: Fault.Fault): Fault.Fault => ({ ...fault, afterGrant: true })

/**
 * An answer that comes later, by Effect's clock (sooner when the server ends): a fault, or the server's own, whose grant
 * is carried out at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slow = (duration: Duration.DurationInput, fault: Fault.Fault = Fault.own): Fault.Fault =>
  Fault.mapped(fault, (answer, { closing }) =>
    Effect.zipRight(Effect.raceFirst(Effect.sleep(duration), closing), answer)
  )

/**
 * An answer that breaks off: status, head with the whole length, `after` bytes of the body (half of it), and then the
 * connection ends, with a FIN (`close`) or a RST (`reset`); in memory the body fails. It is the server's own, whose
 * grant is carried out, or that of a fault with a body at hand.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncated = (
  options: { readonly after?: number | undefined; readonly how?: "close" | "reset" | undefined } = {},
  fault: Fault.Fault = Fault.own
): Fault.Fault =>
  Fault.mapped(fault, (answer, { request }) =>
    Effect.map(answer, (response) => Connection.cut(request, response, options))
  )
