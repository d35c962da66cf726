/** Errors of a response with an error status, one for each decision of the caller. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { Challenge } from "@countersign/protocol/Challenge"
import * as Redact from "@countersign/protocol/Redact"
import * as Data from "effect/Data"
import type { Problem } from "../../Problem.js"
import type { ExchangeInfo, RetryHint, ServerWords } from "./errorFields.js"
import { causeText, quotedSentence, responseText, retryText } from "./errorFields.js"
import { bodyOfError, responseOfError } from "./errorResponse.js"
import { messageOfProblem } from "./serverMessage.js"

/** The server's words. For an error that was made with only a `problem`, they follow from it. */
const serverWords = ({
  problem,
  serverMessage
}: ServerWords & { readonly problem?: Problem | undefined }): ServerWords => {
  const text = serverMessage ?? messageOfProblem(problem)
  return { serverMessage: text === undefined ? undefined : Redact.text(text, 200) }
}

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

/** What the client did, and what to do. */
const unauthorizedAdvice: Record<Unauthorized["reason"], readonly [what: string, advice: string]> = {
  NoCredentials: [
    "this client sends no credentials to that origin",
    "Set the option `auth`, or add the origin to `origins`."
  ],
  Rejected: ["the server rejected the credentials", "Sign in again, or check them."],
  RejectedAfterRefresh: ["the server also rejected the refreshed credentials", "Sign in again, or check the account."],
  BodyNotReplayable: ["the credentials were refreshed, but this body can be sent only once", "Send the request again."]
}

/** The server's words do not say what the client did, so both are shown. */
const unauthorizedText = ({ reason, serverMessage }: Pick<Unauthorized, "reason" | "serverMessage">): string => {
  const [what, advice] = unauthorizedAdvice[reason]
  return serverMessage === undefined
    ? `${what}. ${advice}`
    : `${quotedSentence(serverMessage)} ${what.slice(0, 1).toUpperCase()}${what.slice(1)}. ${advice}`
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
    ExchangeInfo &
      ServerWords & {
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
  constructor(fields: ExchangeInfo & Pick<Unauthorized, "challenges" | "reason" | "serverMessage">) {
    const words = serverWords(fields)
    const exchange = responseText(fields) + challengeText(fields.challenges)
    super({ ...fields, ...words, message: `${exchange}: ${unauthorizedText({ ...fields, ...words })}` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }

  /** The body of the response: decoded by the `errorSchema` of the call, otherwise parsed as JSON, or undefined. */
  get body(): unknown {
    return bodyOfError.get(this)
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
    ExchangeInfo &
      ServerWords & {
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
  constructor(fields: ExchangeInfo & Pick<Forbidden, "challenges" | "scope" | "problem" | "serverMessage">) {
    const words = serverWords(fields)
    const scope = fields.scope === undefined ? "" : ` for the scope "${Redact.text(fields.scope, 200)}"`
    const cause = causeText(words, "access denied")
    super({ ...fields, ...words, message: `${responseText(fields)}: ${cause} Request access${scope}.` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }

  /** The body of the response: decoded by the `errorSchema` of the call, otherwise parsed as JSON, or undefined. */
  get body(): unknown {
    return bodyOfError.get(this)
  }
}

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

/** Statuses of a rate limit. With any other status, the server asked for a wait that was too long for the call. */
const rateLimitStatuses: ReadonlySet<number> = new Set([403, 413, 429])

const serverLimitText = (e: ExchangeInfo & ServerWords): string => {
  const cause = rateLimitStatuses.has(e.status) ? "the server limits requests" : "the server asked to wait"
  return `${responseText(e)}: ${causeText(e, cause)}`
}

const rateLimitText: Record<RateLimitSource, (e: ExchangeInfo & ServerWords) => string> = {
  server: serverLimitText,
  throttle: (e) =>
    `${e.method} ${e.url} was not sent: the server answered another request with ${e.status}, so all requests to it wait. ` +
    "If it limits each route, use `RateLimit.perRoute`.",
  clientLimit: (e) => `${e.method} ${e.url} was not sent: a rate limit of this client is reached.`
}

/**
 * Rate limit: the server accepts fewer requests, or asks for a longer wait than this call may take. The client did not wait.
 *
 * It is caused by one of these:
 *
 * - a 429, or a 403 or 413 with `Retry-After`
 * - a 403 with rate limit fields that say that nothing remains (GitHub)
 * - a response to retry or to redirect, if its wait exceeds `maxRetryAfter` or the call deadline
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
      RetryHint &
      ServerWords & {
        /** Where the limit comes from: the server, a throttle, or a limit of this client. */
        readonly source: RateLimitSource
        readonly message: string
      }
  >
{
  constructor(fields: ExchangeInfo & RetryHint & ServerWords & { readonly source?: RateLimitSource | undefined }) {
    const source = fields.source ?? "server"
    const words = serverWords(fields)
    const message = `${rateLimitText[source]({ ...fields, ...words })} ${retryText(fields)}`
    super({ ...fields, ...words, source, message })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }

  /** The body of the response: decoded by the `errorSchema` of the call, otherwise parsed as JSON, or undefined. */
  get body(): unknown {
    return bodyOfError.get(this)
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
      RetryHint &
      ServerWords & {
        /** The problem details of the response (RFC 9457). */
        readonly problem?: Problem | undefined
        readonly message: string
      }
  >
{
  constructor(fields: ExchangeInfo & RetryHint & Pick<Unavailable, "problem" | "serverMessage">) {
    const words = serverWords(fields)
    const cause = causeText(words, "the server cannot handle the request now")
    const when = fields.retryAt === undefined ? "Try again later." : retryText(fields)
    super({ ...fields, ...words, message: `${responseText(fields)}: ${cause} ${when}` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }

  /** The body of the response: decoded by the `errorSchema` of the call, otherwise parsed as JSON, or undefined. */
  get body(): unknown {
    return bodyOfError.get(this)
  }
}

/**
 * The server rejected the request with a 4xx that has no error type of its own.
 *
 * Specification: [RFC 9110 §15.5](https://www.rfc-editor.org/rfc/rfc9110#section-15.5),
 * [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457#section-3).
 *
 * @since 0.1.0
 * @category errors
 */
export class ClientError
  extends /* @__PURE__ */ Data.TaggedError("ClientError")<
    ExchangeInfo &
      ServerWords & {
        /** The problem details of the response (RFC 9457). */
        readonly problem?: Problem | undefined
        readonly message: string
      }
  >
{
  constructor(fields: ExchangeInfo & Pick<ClientError, "problem" | "serverMessage">) {
    const words = serverWords(fields)
    const cause = words.serverMessage === undefined ? "" : `: "${words.serverMessage}"`
    super({ ...fields, ...words, message: responseText(fields) + cause })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }

  /** The body of the response: decoded by the `errorSchema` of the call, otherwise parsed as JSON, or undefined. */
  get body(): unknown {
    return bodyOfError.get(this)
  }
}
