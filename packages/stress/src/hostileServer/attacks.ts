/** Attacks of a server, and the results that a call may have. */

/** Result of a call: the tag of its error, {@link answered}, or `Endless`. */
type Ending = string

/** The method of a call, and its expected results. */
export interface Attack {
  readonly method: "GET" | "POST"
  /** Expected results. */
  readonly ends: ReadonlyArray<Ending>
}

/** Result of a call with a complete response. */
export const answered = "Answered"

const get = (...ends: ReadonlyArray<Ending>): Attack => ({ method: "GET", ends })

/** Statuses that each slow or large body is sent with. */
const statuses = [200, 302, 401, 503] as const

/** Expected result if the body is discarded. The 302 leads to a good response. */
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

/** Attacks by the path at which the server makes them. */
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
  // The second of two attempts may be running when the call times out.
  ...onEvery("drip", ["Timeout"], ["Timeout"]),
  ...onEvery("endless", ["BodyTooLarge"]),
  ...onEvery("gzip", ["BodyTooLarge"]),
  ...onEvery("br", ["BodyTooLarge"]),
  ...onEvery("gzip-gzip", ["BodyTooLarge"]),
  // More codings than the client decodes: the body is passed on encoded.
  "gzip-gzip-gzip/200": get(answered, "BodyTooLarge")
}
