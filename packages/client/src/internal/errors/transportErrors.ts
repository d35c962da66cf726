/** Errors of a request without a complete response. */
import * as Redact from "@countersign/protocol/Redact"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"

/**
 * Why a request has no usable response.
 *
 * - `NameNotResolved`, `ConnectionRefused`, `ConnectTimeout`: no connection was established.
 * - `AddressBlocked`: this client does not connect to that address (`allowAddress`).
 * - `ProxyFailed`: the proxy is down or unknown, or it opened no tunnel. `TransportError.proxy` has its origin and status.
 * - `Tls`: the TLS handshake or a TLS record failed.
 * - `ConnectionReset`: the connection was closed before the response.
 * - `HeadersTimeout`, `BodyTimeout`: the response header did not arrive in time, or its body stopped.
 * - `Truncated`: the body of the response ended early.
 * - `HeaderTooLarge`: the header of the response is larger than the transport's limit.
 * - `InvalidContentEncoding`: the body is not in the coding that `content-encoding` names.
 * - `InvalidHttpResponse`: the response is not valid HTTP. `TransportError.detail` has the parser's message.
 * - `RequestBodyFailed`: the body of the request failed, or its length is not its `content-length`.
 * - `Unknown`: anything else. See `TransportError.code` and `TransportError.cause`.
 *
 * @since 0.1.0
 * @category models
 */
export type TransportReason =
  | "NameNotResolved"
  | "ConnectionRefused"
  | "AddressBlocked"
  | "ProxyFailed"
  | "ConnectTimeout"
  | "ConnectionReset"
  | "HeadersTimeout"
  | "BodyTimeout"
  | "Truncated"
  | "Tls"
  | "HeaderTooLarge"
  | "InvalidContentEncoding"
  | "InvalidHttpResponse"
  | "RequestBodyFailed"
  | "Unknown"

/** What failed, and what to do when there is no `detail`. */
const transportAdvice: Record<TransportReason, readonly [what: string, advice?: string]> = {
  NameNotResolved: ["the host name could not be resolved", "Check the base URL and the network."],
  ConnectionRefused: ["the connection was refused", "Check the host and the port."],
  AddressBlocked: ["this client does not connect to that address", "See the transport's `allowAddress`."],
  ProxyFailed: ["the proxy opened no connection", "Check the proxy's URL and credentials."],
  ConnectTimeout: ["no connection was established in time", "Check the network."],
  ConnectionReset: ["the connection was closed before the response"],
  HeadersTimeout: ["the response header did not arrive in time"],
  BodyTimeout: ["the response body stopped arriving"],
  Truncated: ["the response body ended early"],
  Tls: ["TLS failed", "Check the server's certificate and the system clock."],
  HeaderTooLarge: ["the response header is too large", "Raise the transport's `maxHeaderSize`."],
  InvalidContentEncoding: ["the response body does not match its `content-encoding`"],
  InvalidHttpResponse: ["the response is not valid HTTP", "Check the port and the scheme."],
  RequestBodyFailed: ["the request body could not be sent"],
  Unknown: ["the transport reported an unknown error"]
}

/**
 * The proxy of a failed request.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransportProxy {
  /** Origin of the proxy: scheme, host and port. */
  readonly origin: string
  /** Status of its response to `CONNECT`, if there was one. */
  readonly status?: number | undefined
  /** The `Retry-After` of that response. A retry does not come earlier. */
  readonly retryAfter?: Duration.Duration | undefined
}

/** The original errors. They are not fields of the errors, so that no printer shows them. */
const originals: WeakMap<TransportError, Redacted.Redacted<unknown>> = new WeakMap()

/**
 * Transport failure: there is no response, or an incomplete one.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransportError
  extends /* @__PURE__ */ Data.TaggedError("TransportError")<{
    /** Method of the request, such as `GET`. */
    readonly method: string
    /** URL of the request, safe to print. */
    readonly url: string
    /** What failed, such as `ConnectionRefused` or `Truncated`. */
    readonly reason: TransportReason
    /**
     * Whether the server may have processed the request. `"no"`: it cannot have, so sending it again is safe for any method.
     * `"maybe"`: it may have acted on it.
     */
    readonly sent: "no" | "maybe"
    /** Error code of the system or of the transport library, such as `ECONNRESET`. */
    readonly code?: string | undefined
    /** Message of the transport library. */
    readonly detail?: string | undefined
    /** The proxy of the request, if one was used and failed. */
    readonly proxy?: TransportProxy | undefined
    readonly message: string
  }>
{
  constructor(
    fields: Pick<TransportError, "method" | "url" | "reason" | "sent" | "code" | "detail" | "proxy"> & {
      readonly cause?: unknown
    }
  ) {
    const { cause, ...shown } = fields
    super({ ...shown, message: `${shown.method} ${shown.url} failed: ${transportText(shown)}` })
    if (cause !== undefined) originals.set(this, Redacted.make(cause))
  }

  /** The original error. It is redacted, because it may contain the request. Read it with `Redacted.value`. */
  override get cause(): Redacted.Redacted<unknown> | undefined {
    return originals.get(this)
  }
}

const transportText = ({
  code,
  detail,
  proxy,
  reason
}: Pick<TransportError, "reason" | "code" | "detail" | "proxy">): string => {
  const via = proxy === undefined ? "" : ` (${proxy.origin}${proxy.status === undefined ? "" : `: ${proxy.status}`})`
  const [what, advice] = transportAdvice[reason]
  const cause = what + via + (code === undefined ? "" : ` (${code})`)
  const more = detail === undefined ? advice : Redact.text(detail, 200)
  return more === undefined ? cause : `${cause}${detail === undefined ? "." : ":"} ${more}`
}

/**
 * Timeout of a request or of the whole call.
 *
 * @since 0.1.0
 * @category errors
 */
export class Timeout
  extends /* @__PURE__ */ Data.TaggedError("Timeout")<{
    /** Method of the request, such as `GET`. */
    readonly method: string
    /** URL of the request, safe to print. */
    readonly url: string
    /** `"exchange"`: one HTTP request and its response. `"call"`: the whole call, with all requests and waits. */
    readonly scope: "call" | "exchange"
    /** The duration that was exceeded. */
    readonly after: Duration.Duration
    readonly message: string
  }>
{
  constructor(fields: Pick<Timeout, "method" | "url" | "scope" | "after">) {
    const { after, method, scope, url } = fields
    const what = scope === "call" ? "the call" : "one request"
    const advice = `Raise \`timeout.${scope}\`, or check the server.`
    super({
      ...fields,
      message: `${method} ${url} timed out: ${what} took longer than ${Duration.format(after)}. ${advice}`
    })
  }
}

/**
 * Response body larger than `maxBodySize`. The rest of it was not read.
 *
 * @since 0.1.0
 * @category errors
 */
export class BodyTooLarge
  extends /* @__PURE__ */ Data.TaggedError("BodyTooLarge")<{
    /** Method of the request, such as `GET`. */
    readonly method: string
    /** URL of the request, safe to print. */
    readonly url: string
    /** The maximum size, in bytes. */
    readonly limit: number
    readonly message: string
  }>
{
  constructor(fields: Pick<BodyTooLarge, "method" | "url" | "limit">) {
    const { limit, method, url } = fields
    const advice = "Raise `maxBodySize`, or stream the body."
    super({ ...fields, message: `${method} ${url} failed: the response body is larger than ${limit} bytes. ${advice}` })
  }
}
