/**
 * The transport for Node: connections that are reused, and that end in time.
 *
 * @since 0.1.0
 */
import * as NodeStream from "@effect/platform-node/NodeStream"
import type * as Headers from "@effect/platform/Headers"
import type { HttpBody } from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Undici from "undici"
import { Exchange } from "./internal/exchange.js"
import { acceptEncoding } from "./internal/inflate.js"
import type { Target } from "./internal/target.js"
import { splitter } from "./internal/target.js"

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

/** The dispatcher's own options, where they are the same for every request. */
interface Bounds {
  readonly headersTimeout: number
  readonly bodyTimeout: number
}

const bodyOf = (
  body: HttpBody
): Effect.Effect<Undici.Dispatcher.DispatchOptions["body"]> | Undici.Dispatcher.DispatchOptions["body"] => {
  switch (body._tag) {
    case "Empty":
      return null
    case "Uint8Array":
      return body.body
    case "Raw":
      // Whatever undici takes as a body; what it does not take it refuses with an error of its own.
      return body.body as Undici.Dispatcher.DispatchOptions["body"]
    case "FormData":
      // A form is one to undici by what it does; the types of the platform's and of undici's differ in names only.
      return body.formData as unknown as Undici.FormData
    case "Stream":
      return NodeStream.toReadable(body.stream)
  }
}

/** Codings are undone here only if it was here that they were asked for. */
const asksItself = (headers: Headers.Headers): boolean => headers["accept-encoding"] !== undefined

const dispatched = (
  dispatcher: Undici.Dispatcher,
  bounds: Bounds,
  request: HttpClientRequest,
  { origin, path }: Target,
  body: Undici.Dispatcher.DispatchOptions["body"]
): Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.async((resume) => {
    const { headers, method } = request
    const raw = asksItself(headers)
    const exchange = new Exchange(request, resume, !raw)
    const fields = raw ? headers : { ...headers, "accept-encoding": acceptEncoding }
    try {
      dispatcher.dispatch({ origin, path, method, headers: fields, body: body ?? null, ...bounds }, exchange)
    } catch (cause) {
      // undici says so at once where it does not like a header or a method, and then calls nobody.
      resume(Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause })))
    }
    return Effect.sync(() => exchange.cancel())
  })

const overDispatcher = (dispatcher: Undici.Dispatcher, bounds: Bounds): HttpClient.HttpClient => {
  const split = splitter()
  return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request: HttpClientRequest) => {
      const target = split(request)
      if (Either.isLeft(target)) {
        return Effect.fail(new HttpClientError.RequestError({ request, reason: "InvalidUrl", cause: target.left }))
      }
      const body = bodyOf(request.body)
      return Effect.isEffect(body)
        ? Effect.flatMap(body, (readable) => dispatched(dispatcher, bounds, request, target.right, readable))
        : dispatched(dispatcher, bounds, request, target.right, body)
    }),
    Effect.succeed
  )
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
  ).pipe(
    Effect.map((agent) =>
      overDispatcher(agent, {
        headersTimeout: milliseconds(options.headersTimeout ?? "30 seconds"),
        bodyTimeout: milliseconds(options.bodyTimeout ?? "30 seconds")
      })
    )
  )

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
