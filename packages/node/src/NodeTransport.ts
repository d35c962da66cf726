/**
 * The transport for Node: connections that are reused, and that end in time.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Undici from "undici"

/**
 * The bounds of a transport. An infinite duration takes a bound away. undici looks at its clock about once a second, so
 * timeouts end up to a second late; use `Timeout` of the client where that matters.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Most connections to one origin at a time; as many as there are requests when left out. */
  readonly connections?: number | undefined
  /** Until a connection stands, TLS included: 10 seconds. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** From the end of the request to the last header of its answer: 30 seconds. */
  readonly headersTimeout?: Duration.DurationInput | undefined
  /** Between two pieces of the answer's body: 30 seconds. */
  readonly bodyTimeout?: Duration.DurationInput | undefined
  /** How long an idle connection is kept: 4 seconds, less than the 5 after which common servers close theirs. */
  readonly keepAliveTimeout?: Duration.DurationInput | undefined
  /** Most bytes of an answer's headers: 16 KiB. */
  readonly maxHeaderSize?: number | undefined
  /** Called with the origin whenever a connection was opened, for a counter. */
  readonly onConnect?: ((origin: string) => void) | undefined
}

/** Longer than this a timer of Node fires at once. To undici, zero is "no bound". */
const longestTimer = 2 ** 31 - 1
const milliseconds = (duration: Duration.DurationInput): number =>
  Duration.isFinite(Duration.decode(duration)) ? Math.min(longestTimer, Math.ceil(Duration.toMillis(duration))) : 0

const makeAgent = (options: Options): Undici.Agent => {
  const agent = new Undici.Agent({
    connections: options.connections ?? null,
    connectTimeout: milliseconds(options.connectTimeout ?? "10 seconds"),
    keepAliveTimeout: milliseconds(options.keepAliveTimeout ?? "4 seconds"),
    maxHeaderSize: options.maxHeaderSize ?? 16 * 1024
  })
  const { onConnect } = options
  if (onConnect !== undefined) agent.on("connect", (origin) => onConnect(origin.origin))
  return agent
}

/** RFC 9110 §4.2.5: a fragment is for the one who asks, not for the server. */
const withoutFragment = (path: string): string => {
  const at = path.indexOf("#")
  return at === -1 ? path : path.slice(0, at)
}

/** Platform asks for an hour, for no bound on the body, and for the fragment; what it asks for is put right here. */
const corrected =
  (options: Options): Undici.Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) => {
    const headersTimeout = milliseconds(options.headersTimeout ?? "30 seconds")
    const bodyTimeout = milliseconds(options.bodyTimeout ?? "30 seconds")
    return (request, handler) =>
      dispatch({ ...request, path: withoutFragment(request.path), headersTimeout, bodyTimeout }, handler)
  }

/**
 * A client on undici. It follows no redirects and keeps no cookies. Its connections live as long as the scope; when
 * that closes, what is under way is cut.
 *
 * Fails like every transport of platform: `RequestError` with reason `Transport`, or `ResponseError` for a body that
 * breaks off; the cause carries undici's code, e.g. `UND_ERR_HEADERS_TIMEOUT`.
 * The fragment of a URL is not sent: [RFC 9110 §4.2.5](https://www.rfc-editor.org/rfc/rfc9110#section-4.2.5).
 *
 * @param options - bounds in time and size.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => makeAgent(options)),
    (agent) => Effect.promise(() => agent.destroy())
  ).pipe(Effect.map((agent) => NodeHttpClient.makeUndici(agent.compose(corrected(options)))))

/**
 * {@link make} as a Layer, with bounds of your own.
 *
 * @example
 * import * as NodeTransport from "@countersign/node/NodeTransport"
 *
 * const TransportLive = NodeTransport.layerWith({ connections: 8, headersTimeout: "5 seconds" })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.scoped(HttpClient.HttpClient, make(options))

/**
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = layerWith({})
