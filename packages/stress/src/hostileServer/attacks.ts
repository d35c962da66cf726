/** What a server can do to a client, and how the client's call may end. */

/** How a call ended: with the tag of its error, with an answer, or not at all. */
type Ending = string

/** What is asked of a call. */
export interface Attack {
  readonly method: "GET" | "POST"
  /** The endings that are right. */
  readonly ends: ReadonlyArray<Ending>
}

/** What an answer is that was read whole. */
export const answered = "Answered"

const get = (...ends: ReadonlyArray<Ending>): Attack => ({ method: "GET", ends })

/** The answers of which every bomb and every drip comes in one. */
const statuses = [200, 302, 401, 503] as const

/** What is left to say of a status when its body was let go; the 302 leads to a good answer. */
const given: Readonly<Record<(typeof statuses)[number], ReadonlyArray<Ending>>> = {
  200: ["BodyTooLarge"],
  302: [answered],
  401: ["Unauthorized"],
  503: ["Unavailable"]
}

const onEvery = (name: string, whenRead: ReadonlyArray<Ending>, also: ReadonlyArray<Ending> = []) =>
  Object.fromEntries(
    statuses.map((status) => [`${name}/${status}`, get(...(status === 200 ? whenRead : given[status]), ...also)])
  )

/** The attacks, by the path at which the server makes them. */
export const attacks: Readonly<Record<string, Attack>> = {
  silence: get("Timeout"),
  "slow-headers": get("Timeout"),
  "interim-drip": get("Timeout"),
  "interim-flood": get("Timeout", "TransportError"),
  "large-header/one": get("TransportError"),
  "large-header/many": get("TransportError"),
  "endless-headers": get("TransportError"),
  "endless-trailers": get("TransportError", "Timeout"),
  "chunk-broken": get("TransportError"),
  "chunk-huge": get("TransportError", "Timeout", "BodyTooLarge"),
  "chunk-extension": get("TransportError", "Timeout"),
  "length-too-long": get("TransportError"),
  "length-too-short": get("TransportError", answered),
  "length-twice": get("TransportError"),
  "length-and-chunked": get("TransportError", answered),
  "length-huge": get("BodyTooLarge"),
  garbage: get("TransportError"),
  "redirect-loop": get("RedirectRejected"),
  deaf: { method: "POST", ends: ["Timeout"] },
  // The second of two attempts may be under way when the call's time is over.
  ...onEvery("drip", ["Timeout"], ["Timeout"]),
  ...onEvery("endless", ["BodyTooLarge"]),
  ...onEvery("gzip", ["BodyTooLarge"]),
  ...onEvery("br", ["BodyTooLarge"]),
  ...onEvery("gzip-gzip", ["BodyTooLarge"]),
  // One coding too many for us: it is given out as it came.
  "gzip-gzip-gzip/200": get(answered, "BodyTooLarge")
}
