/**
 * Errors of a call, one type for each decision that the caller can make.
 *
 * No error holds the request, and none prints a secret. URLs are shown without userinfo and query values. Text of the server
 * is made safe to print. `response` returns the last response, and is not printed.
 *
 * @since 0.1.0
 */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { Challenge } from "@countersign/protocol/Challenge"
import * as Redact from "@countersign/protocol/Redact"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import { responseOfError } from "./internal/errors/errorResponse.js"
import type { Mismatch } from "./Mismatch.js"
import type { Problem } from "./Problem.js"

/**
 * The request and the status of its response: fields of all errors that a response caused.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangeInfo {
  /** Method of the request, such as `GET`. */
  readonly method: string
  /** URL of the request, safe to print: without userinfo and query values. */
  readonly url: string
  /** Status code of the response. */
  readonly status: number
}

const responseText = (e: ExchangeInfo): string => `${e.method} ${e.url} answered ${e.status}`

/** A field of 16 KiB can hold thousands of challenges. */
const mostChallenges = 5

const challengeText = (challenges: ReadonlyArray<Challenge>): string => {
  const names = challenges.slice(0, mostChallenges).map((challenge) => {
    const realm = challenge.params["realm"]
    const error = challenge.params["error"]
    const parts = [realm === undefined ? "" : `realm "${Redact.text(realm, 80)}"`, error ? Redact.text(error, 80) : ""]
    const shown = parts.filter((part) => part !== "").join(", ")
    return Redact.text(challenge.scheme, 40) + (shown === "" ? "" : ` (${shown})`)
  })
  const more = challenges.length - names.length
  if (names.length === 0) return ""
  return ` with the challenge${names.length === 1 ? "" : "s"} ${names.join(", ")}${more === 0 ? "" : ` and ${more} more`}`
}

const unauthorizedAdvice: Record<Unauthorized["reason"], string> = {
  NoCredentials: "this client sends no credentials to that origin. Provide an Auth Layer.",
  Rejected: "the server rejected the credentials. Sign in again, or check them.",
  RejectedAfterRefresh: "the server also rejected the refreshed credentials. Sign in again, or check the account.",
  BodyNotReplayable: "the credentials were refreshed, but this body can be sent only once. Send the request again."
}

/**
 * Authentication failed: a 401 that new credentials could not resolve.
 *
 * Specification: [RFC 9110 §15.5.2](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2).
 *
 * @since 0.1.0
 * @category errors
 */
export class Unauthorized
  extends /* @__PURE__ */ Data.TaggedError("Unauthorized")<
    ExchangeInfo & {
      /** The parsed `WWW-Authenticate` field. */
      readonly challenges: ReadonlyArray<Challenge>
      /**
       * How far the client got:
       *
       * - `NoCredentials`: it sent no credentials to that origin.
       * - `Rejected`: the server rejected the credentials, and the scheme has no others.
       * - `RejectedAfterRefresh`: the server also rejected the new credentials of the replay.
       * - `BodyNotReplayable`: the credentials were refreshed, but the body can be sent only once.
       */
      readonly reason: "NoCredentials" | "Rejected" | "RejectedAfterRefresh" | "BodyNotReplayable"
      readonly message: string
    }
  >
{
  constructor(fields: ExchangeInfo & Pick<Unauthorized, "challenges" | "reason">) {
    const advice = unauthorizedAdvice[fields.reason]
    super({ ...fields, message: `${responseText(fields)}${challengeText(fields.challenges)}: ${advice}` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * Access denied: a 403. Signing in again with the same account does not help.
 *
 * Specification: [RFC 9110 §15.5.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.4),
 * [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1).
 *
 * @since 0.1.0
 * @category errors
 */
export class Forbidden
  extends /* @__PURE__ */ Data.TaggedError("Forbidden")<
    ExchangeInfo & {
      /** The parsed `WWW-Authenticate` field. */
      readonly challenges: ReadonlyArray<Challenge>
      /** The missing scopes, if the server answered `insufficient_scope`. */
      readonly scope?: string | undefined
      /** The problem details of the response (RFC 9457). */
      readonly problem?: Problem | undefined
      readonly message: string
    }
  >
{
  constructor(fields: ExchangeInfo & Pick<Forbidden, "challenges" | "scope" | "problem">) {
    const scope = fields.scope === undefined ? "" : ` for the scope "${Redact.text(fields.scope, 200)}"`
    super({ ...fields, message: `${responseText(fields)}: access denied. Request access${scope}.` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * The time at which the server, or this client, accepts another request.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryHint {
  /** Delay, counted from the response. */
  readonly retryAfter?: Duration.Duration | undefined
  /** The same as a point in time. */
  readonly retryAt?: DateTime.Utc | undefined
}

const retryText = (e: RetryHint): string =>
  e.retryAt === undefined || e.retryAfter === undefined
    ? "The server names no time to try again."
    : `Try again in ${Duration.format(e.retryAfter)}, at ${DateTime.formatIso(e.retryAt)}.`

/**
 * Where a rate limit comes from.
 *
 * - `server`: the server answered this request with `status`.
 * - `throttle`: this client did not send the request, because the server rate limited another one with `status`.
 * - `clientLimit`: this client did not send the request, because a limit of its own is reached. `status` is 429.
 *
 * @since 0.1.0
 * @category models
 */
export type RateLimitSource = "server" | "throttle" | "clientLimit"

const rateLimitText: Record<RateLimitSource, (e: ExchangeInfo) => string> = {
  server: (e) => `${responseText(e)}: the server limits requests`,
  throttle: (e) => `${e.method} ${e.url} was not sent: the server answered another request with ${e.status}`,
  clientLimit: (e) => `${e.method} ${e.url} was not sent: a rate limit of this client is reached`
}

/**
 * Rate limit: the server accepts fewer requests, or asks for a longer wait than this call may take. The client did not wait.
 *
 * It is caused by one of these:
 *
 * - a 429, or a 403 or 413 with `Retry-After`
 * - a 403 whose rate limit fields say that nothing remains (GitHub)
 * - a response to be retried or redirected whose wait exceeds `maxRetryAfter` or the call deadline
 * - a throttle or a limit of this client, see `source`
 *
 * Specification: [RFC 6585 §4](https://www.rfc-editor.org/rfc/rfc6585#section-4),
 * [RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited
  extends /* @__PURE__ */ Data.TaggedError("RateLimited")<
    ExchangeInfo &
      RetryHint & {
        /** Where the limit comes from: the server, a throttle, or a limit of this client. */
        readonly source: RateLimitSource
        readonly message: string
      }
  >
{
  constructor(fields: ExchangeInfo & RetryHint & { readonly source?: RateLimitSource | undefined }) {
    const source = fields.source ?? "server"
    super({ ...fields, source, message: `${rateLimitText[source](fields)}. ${retryText(fields)}` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * The server cannot handle the request now: a 5xx, 408, 425 or a status of `retry.statuses`, after all retries.
 *
 * Specification: [RFC 9110 §15.6](https://www.rfc-editor.org/rfc/rfc9110#section-15.6).
 *
 * @since 0.1.0
 * @category errors
 */
export class Unavailable
  extends /* @__PURE__ */ Data.TaggedError("Unavailable")<
    ExchangeInfo &
      RetryHint & {
        /** The problem details of the response (RFC 9457). */
        readonly problem?: Problem | undefined
        readonly message: string
      }
  >
{
  constructor(fields: ExchangeInfo & RetryHint & Pick<Unavailable, "problem">) {
    const when = fields.retryAt === undefined ? "Try again later." : retryText(fields)
    super({ ...fields, message: `${responseText(fields)}: the server cannot handle the request now. ${when}` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * The server rejected the request: any other 4xx.
 *
 * Specification: [RFC 9110 §15.5](https://www.rfc-editor.org/rfc/rfc9110#section-15.5),
 * [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457#section-3).
 *
 * @since 0.1.0
 * @category errors
 */
export class ClientError
  extends /* @__PURE__ */ Data.TaggedError("ClientError")<
    ExchangeInfo & {
      /** The problem details of the response (RFC 9457). */
      readonly problem?: Problem | undefined
      readonly message: string
    }
  >
{
  constructor(fields: ExchangeInfo & Pick<ClientError, "problem">) {
    const title = fields.problem?.title
    super({ ...fields, message: responseText(fields) + (title === undefined ? "" : `: ${Redact.text(title, 200)}`) })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

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
    /** What failed. */
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
  const cause = (detail === undefined ? "" : `: ${Redact.text(detail, 200)}`) + (code === undefined ? "" : ` (${code})`)
  return what + via + cause + (detail === undefined && advice !== undefined ? `. ${advice}` : "")
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
 * Circuit open: the request was not sent, because too many requests to that origin failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class CircuitOpen
  extends /* @__PURE__ */ Data.TaggedError("CircuitOpen")<{
    /** Origin of the request: scheme, host and port. */
    readonly origin: string
    /** Delay until the next probe. While a probe is in flight it is an estimate. */
    readonly retryAfter: Duration.Duration
    /** The same as a point in time. */
    readonly retryAt: DateTime.Utc
    readonly message: string
  }>
{
  constructor(fields: Pick<CircuitOpen, "origin" | "retryAfter" | "retryAt">) {
    super({
      ...fields,
      message: `The request to ${fields.origin} was not sent: too many requests to it have failed. ${retryText(fields)}`
    })
  }
}

/**
 * Concurrency limit reached: the request was not sent, because the queue is full, or because it got no permit in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class Overloaded
  extends /* @__PURE__ */ Data.TaggedError("Overloaded")<{
    /** Origin of the request: scheme, host and port. */
    readonly origin: string
    /** Maximum number of concurrent requests to the origin. */
    readonly limit: number
    /** Number of requests that wait for a permit. */
    readonly queued: number
    readonly message: string
  }>
{
  constructor(fields: Pick<Overloaded, "origin" | "limit" | "queued">) {
    const { limit, origin, queued } = fields
    const cause = `the limit of ${limit} concurrent requests is reached, and ${queued} are queued`
    const advice = "Send fewer at a time, or raise `limit` or `maxQueued`."
    super({ ...fields, message: `The request to ${origin} was not sent: ${cause}. ${advice}` })
  }
}

/**
 * Why a redirect was not followed.
 *
 * - `TooMany`: `limit` redirects have been followed already.
 * - `InvalidLocation`: `Location` is not a valid URL, or there are several different ones.
 * - `UnsupportedScheme`: the target is neither http nor https.
 * - `Downgrade`: from https to http.
 * - `CrossOrigin`: to another origin, with `crossOrigin: "reject"`.
 * - `CrossOriginBody`: the request body would be sent to another origin, without `crossOriginBody: true`.
 * - `Credentials`: `Location` contains a user name or a password.
 * - `BodyNotReplayable`: the body must be sent again, but can be sent only once.
 * - `Opaque`: `fetch` hides status and `Location`, as in browsers. `status` is 0 and `location` is empty.
 *
 * @since 0.1.0
 * @category models
 */
export type RedirectReason =
  | "TooMany"
  | "InvalidLocation"
  | "UnsupportedScheme"
  | "Downgrade"
  | "CrossOrigin"
  | "CrossOriginBody"
  | "Credentials"
  | "BodyNotReplayable"
  | "Opaque"

const redirectAdvice: Record<RedirectReason, string> = {
  TooMany: "the limit of redirects is reached. Raise `redirects.limit`, or request the final URL.",
  InvalidLocation: "`Location` is not a valid URL, or has several different values.",
  UnsupportedScheme: "`Location` is neither http nor https.",
  Downgrade: "it leads from https to http.",
  CrossOrigin: 'it leads to another origin, which `redirects.crossOrigin: "reject"` forbids.',
  CrossOriginBody: "it would send the body to another origin. To allow that, set `redirects.crossOriginBody`.",
  Credentials: "`Location` contains a user name or a password.",
  BodyNotReplayable: "the body must be sent again, but this body can be sent only once.",
  Opaque: "`fetch` hides its target. Request the final URL, or use a transport that shows redirects."
}

const redirectText = (e: ExchangeInfo & Pick<RedirectRejected, "reason" | "location">): string =>
  e.reason === "Opaque"
    ? `${e.method} ${e.url} answered with a redirect, which was not followed`
    : `${responseText(e)} with a redirect to ${e.location}, which was not followed`

/**
 * Unsafe redirect: it was not followed, and nothing was sent to its target.
 *
 * Specification: [RFC 9110 §15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4).
 *
 * @since 0.1.0
 * @category errors
 */
export class RedirectRejected
  extends /* @__PURE__ */ Data.TaggedError("RedirectRejected")<
    ExchangeInfo & {
      /** Why the redirect was not followed. */
      readonly reason: RedirectReason
      /** Target of the redirect, safe to print. */
      readonly location: string
      readonly message: string
    }
  >
{
  constructor(fields: ExchangeInfo & Pick<RedirectRejected, "reason" | "location">) {
    super({ ...fields, message: `${redirectText(fields)}: ${redirectAdvice[fields.reason]}` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
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

/**
 * Invalid request: it cannot be sent, and nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest
  extends /* @__PURE__ */ Data.TaggedError("InvalidRequest")<{
    /** Which part of the request is invalid. */
    readonly reason: "Url" | "Header" | "Body" | "Credentials"
    /** What to change. It contains no value of the caller that may be secret. */
    readonly detail: string
    readonly message: string
  }>
{
  constructor(fields: Pick<InvalidRequest, "reason" | "detail">) {
    super({ ...fields, message: `The request was not sent: ${fields.detail}` })
  }
}

/**
 * Invalid response: the body is not JSON, or does not match the schema. The body is not printed, because it may contain
 * secrets.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidResponse
  extends /* @__PURE__ */ Data.TaggedError("InvalidResponse")<
    ExchangeInfo & {
      /** `"Json"`: the body is not JSON. `"Schema"`: it does not match the schema. */
      readonly reason: "Json" | "Schema"
      /** Where the body does not match the schema, up to ten places. */
      readonly mismatches: ReadonlyArray<Mismatch>
      readonly message: string
    }
  >
{
  constructor(fields: ExchangeInfo & Pick<InvalidResponse, "reason" | "mismatches">) {
    const first = fields.mismatches[0]
    const what =
      fields.reason === "Json"
        ? "the body is not JSON"
        : `the body does not match the schema${first === undefined ? "" : `: at ${first.path}, expected ${first.expected}`}`
    super({ ...fields, message: `${responseText(fields)}: ${what}` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * Why there is no access token.
 *
 * - `ReauthorizationRequired`: the user must sign in again.
 * - `Rejected`: the authorization server returned an OAuth error.
 * - `Unavailable`: the authorization server sent no OAuth response. A later request may succeed.
 * - `InvalidResponse`: the response of the authorization server contains no valid token.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenReason = "ReauthorizationRequired" | "Rejected" | "Unavailable" | "InvalidResponse"

/**
 * No access token is available for the request.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenError
  extends /* @__PURE__ */ Data.TaggedError("TokenError")<{
    /** Why there is no token. */
    readonly reason: TokenReason
    /** What happened, and what to do. */
    readonly detail: string
    /**
     * Error code of the response ([RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)), if there was one.
     */
    readonly error?: string | undefined
    /** `"maybe"`: the authorization server may have processed the token request, although no response arrived. */
    readonly sent?: "no" | "maybe" | undefined
    /** When the authorization server accepts the next request, in epoch milliseconds. */
    readonly retryAt?: number | undefined
    readonly message: string
  }>
{
  constructor(fields: Pick<TokenError, "reason" | "detail" | "error" | "sent" | "retryAt">) {
    super({ ...fields, message: `No access token is available: ${fields.detail}` })
  }
}

/**
 * Why a token store failed.
 *
 * - `Corrupt`: the record cannot be parsed. It was moved aside.
 * - `Insecure`: other users can read or replace the record.
 * - `Foreign`: the record has another owner or another format.
 * - `LockTimeout`: another process holds the lock.
 * - `ReadFailed`, `WriteFailed`: the storage reported an error.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenStoreReason = "Corrupt" | "Insecure" | "Foreign" | "LockTimeout" | "ReadFailed" | "WriteFailed"

/**
 * The token store could not be read or written.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenStoreError
  extends /* @__PURE__ */ Data.TaggedError("TokenStoreError")<{
    /** Why the store failed. */
    readonly reason: TokenStoreReason
    /** Where it failed and what to do. It contains no token. */
    readonly detail: string
    readonly message: string
  }>
{
  constructor(fields: Pick<TokenStoreError, "reason" | "detail">) {
    super({ ...fields, message: `The token store failed: ${fields.detail}` })
  }
}

/**
 * Errors of sending a request, before its status is considered.
 *
 * @since 0.1.0
 * @category errors
 */
export type SendError = TransportError | Timeout | BodyTooLarge | InvalidRequest | RedirectRejected

/**
 * Errors of signing a request.
 *
 * @since 0.1.0
 * @category errors
 */
export type AuthError = TokenError | TokenStoreError | InvalidRequest

/**
 * All errors of a call of an {@link ApiClient}. Verbs with a `schema` add {@link InvalidResponse}.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none })
 *   return yield* api.get("/orders/42")
 * }).pipe(
 *   Effect.catchTags({
 *     Unauthorized: (error) => Console.log("Sign in again.", error.message),
 *     RateLimited: (error) => Console.log("Try again at", error.retryAt)
 *   })
 * )
 *
 * @since 0.1.0
 * @category errors
 */
export type ApiError =
  Unauthorized | Forbidden | RateLimited | Unavailable | ClientError | CircuitOpen | Overloaded | SendError | AuthError
