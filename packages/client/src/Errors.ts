/**
 * The errors of a call: one for each decision that its caller can make.
 *
 * None of them holds a request, and none prints a secret: URLs are shown without userinfo and query values, text of
 * the server is made safe to print. The last response can be reached through `response`, which no printer shows.
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
 * What every error of an answered request tells: `method`, `url` (safe to print) and `status`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangeInfo {
  readonly method: string
  readonly url: string
  readonly status: number
}

const exchange = (e: ExchangeInfo): string => `${e.method} ${e.url} answered ${e.status}`

/** A header of 16 KiB may hold thousands. */
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
  return names.length === 0 ? "" : `; it asks for ${names.join(" or ")}${more === 0 ? "" : ` or ${more} others`}`
}

const unauthorizedAdvice: Record<Unauthorized["reason"], string> = {
  NoCredentials: "this client sends no credentials there: give it an Auth layer",
  Rejected: "the credentials were refused: sign in again, or check them",
  RejectedAfterRefresh: "renewed credentials were refused too: sign in again, or check the account",
  BodyNotReplayable: "the credentials were renewed, but this body can be sent only once: send the request again"
}

/**
 * The server does not accept who we are: a 401 after everything that could be done about it.
 *
 * `challenges` is the parsed `WWW-Authenticate`; `reason` tells how far the client got.
 * Specification: [RFC 9110 §15.5.2](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2).
 *
 * @since 0.1.0
 * @category errors
 */
export class Unauthorized
  extends /* @__PURE__ */ Data.TaggedError("Unauthorized")<
    ExchangeInfo & {
      readonly challenges: ReadonlyArray<Challenge>
      readonly reason: "NoCredentials" | "Rejected" | "RejectedAfterRefresh" | "BodyNotReplayable"
      readonly message: string
    }
  >
{
  constructor(fields: ExchangeInfo & Pick<Unauthorized, "challenges" | "reason">) {
    const advice = unauthorizedAdvice[fields.reason]
    super({ ...fields, message: `${exchange(fields)}${challengeText(fields.challenges)}; ${advice}` })
  }

  /** The response that made this error. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * The server knows who we are and says no: a 403. Other credentials of the same account will not help; `scope` names
 * what is missing where the server said `insufficient_scope`.
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
      readonly challenges: ReadonlyArray<Challenge>
      readonly scope?: string | undefined
      readonly problem?: Problem | undefined
      readonly message: string
    }
  >
{
  constructor(fields: ExchangeInfo & Pick<Forbidden, "challenges" | "scope" | "problem">) {
    const scope = fields.scope === undefined ? "" : ` for the scope "${Redact.text(fields.scope, 200)}"`
    super({ ...fields, message: `${exchange(fields)}; ask for access${scope}` })
  }

  /** The response that made this error. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * When to come back, as the server said: `retryAfter` from the moment of the answer, `retryAt` on the clock.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryHint {
  readonly retryAfter?: Duration.Duration | undefined
  readonly retryAt?: DateTime.Utc | undefined
}

const comeBack = (e: RetryHint): string =>
  e.retryAt === undefined || e.retryAfter === undefined
    ? "it does not say when to come back"
    : `come back in ${Duration.format(e.retryAfter)}, at ${DateTime.formatIso(e.retryAt)}`

/**
 * Who keeps a request from being sent: the server, or this client on its behalf (`throttle`) or by a limit of its own.
 *
 * @since 0.1.0
 * @category models
 */
export type RateLimitSource = "server" | "throttle" | "clientLimit"

const rateLimitedBy: Record<RateLimitSource, (e: ExchangeInfo) => string> = {
  server: exchange,
  throttle: (e) =>
    `${e.method} ${e.url} was held back by this client: the server's ${e.status} to another request asks for a wait`,
  clientLimit: (e) => `${e.method} ${e.url} was held back by this client: a limit of its own is reached`
}

/**
 * The server asks for fewer requests, or for a wait that is longer than this call may take: a 429; a 403 or 413 with
 * `Retry-After`; a 403 whose limit fields say that nothing remains (GitHub); or any status that is retried or redirected
 * whose wait passes the ceiling or the deadline. No time was spent waiting for it.
 *
 * `source` tells who said so. `server`: this request was sent, and answered with `status`. `throttle`: it was not sent, since
 * `status` was the answer to another one, and the time to come back has not come. `clientLimit`: it was not sent, since a
 * limit of this client's own is reached; there was no answer, and `status` is the 429 that it would have been.
 *
 * Specification: [RFC 6585 §4](https://www.rfc-editor.org/rfc/rfc6585#section-4),
 * [RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited
  extends /* @__PURE__ */ Data.TaggedError("RateLimited")<
    ExchangeInfo & RetryHint & { readonly source: RateLimitSource; readonly message: string }
  >
{
  constructor(fields: ExchangeInfo & RetryHint & { readonly source?: RateLimitSource | undefined }) {
    const source = fields.source ?? "server"
    super({ ...fields, source, message: `${rateLimitedBy[source](fields)}; ${comeBack(fields)}` })
  }

  /** The response that made this error. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * The server cannot answer now: a 5xx, 408, 425 or a status that the caller named, after the retries that were allowed.
 *
 * Specification: [RFC 9110 §15.6](https://www.rfc-editor.org/rfc/rfc9110#section-15.6).
 *
 * @since 0.1.0
 * @category errors
 */
export class Unavailable
  extends /* @__PURE__ */ Data.TaggedError("Unavailable")<
    ExchangeInfo & RetryHint & { readonly problem?: Problem | undefined; readonly message: string }
  >
{
  constructor(fields: ExchangeInfo & RetryHint & Pick<Unavailable, "problem">) {
    const when = fields.retryAt === undefined ? "try again later" : comeBack(fields)
    super({ ...fields, message: `${exchange(fields)}; ${when}` })
  }

  /** The response that made this error. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * Every other 4xx: the request is not one that this server answers. `problem` holds the problem details of the
 * answer where it sent them.
 *
 * Specification: [RFC 9110 §15.5](https://www.rfc-editor.org/rfc/rfc9110#section-15.5),
 * [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457#section-3).
 *
 * @since 0.1.0
 * @category errors
 */
export class ClientError
  extends /* @__PURE__ */ Data.TaggedError("ClientError")<
    ExchangeInfo & { readonly problem?: Problem | undefined; readonly message: string }
  >
{
  constructor(fields: ExchangeInfo & Pick<ClientError, "problem">) {
    const title = fields.problem?.title
    super({ ...fields, message: exchange(fields) + (title === undefined ? "" : `: ${Redact.text(title, 200)}`) })
  }

  /** The response that made this error. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * Why a request has no usable response.
 *
 * - `NameNotResolved`, `ConnectionRefused`, `ConnectTimeout`: no connection was established.
 * - `AddressBlocked`: this client does not connect to that address (`allowAddress`).
 * - `ProxyFailed`: the proxy is down, unknown, or opened no tunnel. `TransportError.proxy` names it and its status.
 * - `Tls`: the TLS handshake or a TLS record failed.
 * - `ConnectionReset`: the connection was closed before the response.
 * - `HeadersTimeout`, `BodyTimeout`: the response did not begin, or stopped.
 * - `Truncated`: the body of the response ended early.
 * - `HeaderTooLarge`: the header of the response is larger than the transport's limit.
 * - `InvalidContentEncoding`: the body is not in the coding that `content-encoding` names.
 * - `InvalidHttpResponse`: the response is not valid HTTP. `TransportError.detail` holds the parser's words.
 * - `RequestBodyFailed`: the caller's own body failed, or is not as long as its `content-length`.
 * - `Unknown`: anything else. `TransportError.code` and `TransportError.cause` tell more.
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

/** What failed, and what to do where `detail` does not say more. */
const transportAdvice: Record<TransportReason, readonly [what: string, advice?: string]> = {
  NameNotResolved: ["the host name has no address", "check the base URL and the network"],
  ConnectionRefused: ["nothing listens there", "check the host and the port"],
  AddressBlocked: ["this client does not connect to that address"],
  ProxyFailed: ["the proxy gave no connection", "check the proxy's URL and credentials"],
  ConnectTimeout: ["no connection came about in time", "check the network"],
  ConnectionReset: ["the connection was cut before the answer"],
  HeadersTimeout: ["no answer began in time"],
  BodyTimeout: ["the answer stopped in the middle"],
  Truncated: ["the answer ended before it was whole"],
  Tls: ["TLS failed", "check the server's certificate and the clock"],
  HeaderTooLarge: ["the header of the response is too large", "raise the transport's maxHeaderSize"],
  InvalidContentEncoding: ["the body of the response does not match its content-encoding"],
  InvalidHttpResponse: ["the response is not valid HTTP", "check the port and the scheme"],
  RequestBodyFailed: ["the body of the request could not be sent"],
  Unknown: ["the request failed"]
}

/**
 * The proxy of a failed request: its origin, and the status of its response to `CONNECT` where there was one.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransportProxy {
  readonly origin: string
  readonly status?: number | undefined
}

/** The original errors, kept beside the errors so that no printer shows them. */
const originals: WeakMap<TransportError, Redacted.Redacted<unknown>> = new WeakMap()

/**
 * No response, or an incomplete one.
 *
 * `sent` follows from how far the request had come. `"no"`: the server cannot have processed the request, so sending
 * it again is safe whatever its method. `"maybe"`: the server may have acted on it.
 * `code` is the code of the system or of the library; `detail` says what exactly failed, in the library's words.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransportError
  extends /* @__PURE__ */ Data.TaggedError("TransportError")<{
    readonly method: string
    readonly url: string
    readonly reason: TransportReason
    readonly sent: "no" | "maybe"
    readonly code?: string | undefined
    readonly detail?: string | undefined
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
    super({ ...shown, message: `${shown.method} ${shown.url}: ${transportProblem(shown)}` })
    if (cause !== undefined) originals.set(this, Redacted.make(cause))
  }

  /** The original error, redacted because it may hold the request. `Redacted.value` gives it. */
  override get cause(): Redacted.Redacted<unknown> | undefined {
    return originals.get(this)
  }
}

const transportProblem = ({
  code,
  detail,
  proxy,
  reason
}: Pick<TransportError, "reason" | "code" | "detail" | "proxy">): string => {
  const via = proxy === undefined ? "" : ` (${proxy.origin}${proxy.status === undefined ? "" : `: ${proxy.status}`})`
  const [what, advice] = transportAdvice[reason]
  const more = detail === undefined ? advice : Redact.text(detail, 200)
  return what + via + (more === undefined ? "" : `: ${more}`) + (code === undefined ? "" : ` (${code})`)
}

/**
 * Time ran out: `scope: "exchange"` for one send and its answer, `"call"` for everything, waits included.
 *
 * @since 0.1.0
 * @category errors
 */
export class Timeout
  extends /* @__PURE__ */ Data.TaggedError("Timeout")<{
    readonly method: string
    readonly url: string
    readonly scope: "call" | "exchange"
    readonly after: Duration.Duration
    readonly message: string
  }>
{
  constructor(fields: Pick<Timeout, "method" | "url" | "scope" | "after">) {
    const what = fields.scope === "call" ? "the call" : "one exchange"
    super({
      ...fields,
      message: `${fields.method} ${fields.url}: ${what} took longer than ${Duration.format(fields.after)}`
    })
  }
}

/**
 * The request was not sent: too many to that origin have failed, and its circuit is open. `retryAt` is when the next one
 * may pass, to find out whether it is over; while one does, it is a guess.
 *
 * @since 0.1.0
 * @category errors
 */
export class CircuitOpen
  extends /* @__PURE__ */ Data.TaggedError("CircuitOpen")<{
    readonly origin: string
    readonly retryAfter: Duration.Duration
    readonly retryAt: DateTime.Utc
    readonly message: string
  }>
{
  constructor(fields: Pick<CircuitOpen, "origin" | "retryAfter" | "retryAt">) {
    super({
      ...fields,
      message: `${fields.origin} was not asked: too many requests to it have failed; ${comeBack(fields)}`
    })
  }
}

/**
 * The request was not sent: as many as are allowed are under way to that origin (`limit`), and it could not wait, since
 * enough wait already (`queued`), or since its turn did not come in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class Overloaded
  extends /* @__PURE__ */ Data.TaggedError("Overloaded")<{
    readonly origin: string
    readonly limit: number
    readonly queued: number
    readonly message: string
  }>
{
  constructor(fields: Pick<Overloaded, "origin" | "limit" | "queued">) {
    const busy = `${fields.origin} was not asked: the limit of requests under way to it is ${fields.limit}, and ${fields.queued} wait`
    super({ ...fields, message: `${busy}; send fewer at a time, or raise the limit or the queue` })
  }
}

/**
 * Why a redirect was not followed. `Opaque`: the platform's `fetch` hides the status and the `Location`, as browsers do;
 * `status` is 0 then, and `location` is empty.
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
  TooMany: "it is one redirect too many",
  InvalidLocation: "its Location is no URL, or there are different ones",
  UnsupportedScheme: "its Location is neither http nor https",
  Downgrade: "it leads from https to http",
  CrossOrigin: "it leads to another origin, and this client stays at its own",
  CrossOriginBody: "it would carry the request's body to another origin",
  Credentials: "its Location carries a user name or password",
  BodyNotReplayable: "it asks for the body again, and this body can be sent only once",
  Opaque: "this platform's fetch hides its target; request the final URL, or use a transport that shows redirects"
}

const redirectText = (e: ExchangeInfo & Pick<RedirectRejected, "reason" | "location">): string =>
  e.reason === "Opaque"
    ? `${e.method} ${e.url} answered with a redirect`
    : `${exchange(e)} with a redirect to ${e.location}`

/**
 * A redirect that is not safe to follow. Nothing was sent to its target; `location` is safe to print.
 *
 * Specification: [RFC 9110 §15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4).
 *
 * @since 0.1.0
 * @category errors
 */
export class RedirectRejected
  extends /* @__PURE__ */ Data.TaggedError("RedirectRejected")<
    ExchangeInfo & { readonly reason: RedirectReason; readonly location: string; readonly message: string }
  >
{
  constructor(fields: ExchangeInfo & Pick<RedirectRejected, "reason" | "location">) {
    super({ ...fields, message: `${redirectText(fields)}: ${redirectAdvice[fields.reason]}` })
  }

  /** The response that made this error. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * The body of the answer is larger than `limit` bytes; the rest was not read.
 *
 * @since 0.1.0
 * @category errors
 */
export class BodyTooLarge
  extends /* @__PURE__ */ Data.TaggedError("BodyTooLarge")<{
    readonly method: string
    readonly url: string
    readonly limit: number
    readonly message: string
  }>
{
  constructor(fields: Pick<BodyTooLarge, "method" | "url" | "limit">) {
    super({
      ...fields,
      message: `${fields.method} ${fields.url}: the answer is larger than ${fields.limit} bytes; raise maxBodySize, or stream it`
    })
  }
}

/**
 * The request cannot be sent as it is; nothing was. `detail` says what to change and holds no value of the caller's.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest
  extends /* @__PURE__ */ Data.TaggedError("InvalidRequest")<{
    readonly reason: "Url" | "Header" | "Body" | "Credentials"
    readonly detail: string
    readonly message: string
  }>
{
  constructor(fields: Pick<InvalidRequest, "reason" | "detail">) {
    super({ ...fields, message: `The request was not sent: ${fields.detail}` })
  }
}

/**
 * The answer came whole and is not what was asked for: no JSON, or JSON of another shape. What was received is not
 * printed, since it may hold secrets.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidResponse
  extends /* @__PURE__ */ Data.TaggedError("InvalidResponse")<
    ExchangeInfo & {
      readonly reason: "Json" | "Schema"
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
        : `the body is not of the expected shape${first === undefined ? "" : `: at ${first.path}, expected ${first.expected}`}`
    super({ ...fields, message: `${exchange(fields)}; ${what}` })
  }

  /** The response that made this error. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * Why there is no token. `ReauthorizationRequired`: only signing in again helps. `Rejected`: the authorization server
 * said no, with an OAuth error. `Unavailable`: it did not answer, or not as one; later may help. `InvalidResponse`:
 * it answered with something that is no token.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenReason = "ReauthorizationRequired" | "Rejected" | "Unavailable" | "InvalidResponse"

/**
 * There is no token to send. `error` is the code of [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 * where there was one; `detail` says what happened and what to do. `sent: "maybe"` says that the authorization server may
 * have done what it was asked for, although nothing was heard of it; `retryAt` (epoch milliseconds) when it wants to be
 * asked again.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenError
  extends /* @__PURE__ */ Data.TaggedError("TokenError")<{
    readonly reason: TokenReason
    readonly detail: string
    readonly error?: string | undefined
    readonly sent?: "no" | "maybe" | undefined
    readonly retryAt?: number | undefined
    readonly message: string
  }>
{
  constructor(fields: Pick<TokenError, "reason" | "detail" | "error" | "sent" | "retryAt">) {
    super({ ...fields, message: `There is no token to send: ${fields.detail}` })
  }
}

/**
 * Why a token store failed. `Corrupt`: the record cannot be read and was kept aside. `Insecure`: others may read or
 * replace it. `Foreign`: it belongs to another owner or another format. `LockTimeout`: somebody else holds the lock.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenStoreReason = "Corrupt" | "Insecure" | "Foreign" | "LockTimeout" | "ReadFailed" | "WriteFailed"

/**
 * The token store cannot be read or written. `detail` says where and what to do, and holds no token.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenStoreError
  extends /* @__PURE__ */ Data.TaggedError("TokenStoreError")<{
    readonly reason: TokenStoreReason
    readonly detail: string
    readonly message: string
  }>
{
  constructor(fields: Pick<TokenStoreError, "reason" | "detail">) {
    super({ ...fields, message: `The token store failed: ${fields.detail}` })
  }
}

/**
 * What a send can fail with on its way, before any status is looked at.
 *
 * @since 0.1.0
 * @category errors
 */
export type SendError = TransportError | Timeout | BodyTooLarge | InvalidRequest | RedirectRejected

/**
 * What signing a request can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type AuthError = TokenError | TokenStoreError | InvalidRequest

/**
 * Everything that a call of an {@link ApiClient} can fail with; the verbs that decode add {@link InvalidResponse}.
 *
 * @since 0.1.0
 * @category errors
 */
export type ApiError =
  Unauthorized | Forbidden | RateLimited | Unavailable | ClientError | CircuitOpen | Overloaded | SendError | AuthError
