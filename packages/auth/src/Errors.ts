/**
 * Errors of tokens (of getting one, and of storing one), and of schemes that answer challenges or verify responses.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { sentence } from "./internal/response/sentence.js"

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
  /** `summary` is the begin of the message, for credentials of another kind. */
  constructor(
    fields: Pick<TokenError, "reason" | "detail" | "error" | "sent" | "retryAt">,
    summary = "No access token is available"
  ) {
    super({ ...fields, message: sentence(`${summary}: ${fields.detail}`) })
  }
}

/**
 * Why a token store failed.
 *
 * - `Corrupt`: the record cannot be parsed. It was moved aside.
 * - `Insecure`: other users can read or replace the record.
 * - `OwnerMismatch`: the record has another owner.
 * - `UnsupportedFormat`: the record has another format, or the format of a newer release.
 * - `UnknownKey`: the record is encrypted with a key that was not given.
 * - `LockTimeout`: another process holds the lock.
 * - `ReadFailed`, `WriteFailed`: the storage reported an error.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenStoreReason =
  | "Corrupt"
  | "Insecure"
  | "OwnerMismatch"
  | "UnsupportedFormat"
  | "UnknownKey"
  | "LockTimeout"
  | "ReadFailed"
  | "WriteFailed"

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
    super({ ...fields, message: sentence(`The token store failed: ${fields.detail}`) })
  }
}

/**
 * The server offers its scheme only in a form that the client may not or cannot answer. `Digest` fails with it, for example
 * for an algorithm that the options do not allow.
 *
 * @since 0.1.0
 * @category errors
 */
export class ChallengeUnsupported
  extends /* @__PURE__ */ Data.TaggedError("ChallengeUnsupported")<{
    /** The origin of the server. */
    readonly origin: string
    /** What the server offers, and what to do. */
    readonly detail: string
    readonly message: string
  }>
{
  constructor(fields: Pick<ChallengeUnsupported, "origin" | "detail">) {
    super({ ...fields, message: sentence(`The challenge of ${fields.origin} cannot be answered: ${fields.detail}`) })
  }
}

/**
 * The response was not sent by a server that knows the secret, or it was changed on its way.
 *
 * `Digest` fails with it for a wrong `rspauth`, and `MessageSignature` for a wrong or missing signature of the response. The
 * server may have executed the request.
 *
 * @since 0.1.0
 * @category errors
 */
export class ResponseNotAuthentic
  extends /* @__PURE__ */ Data.TaggedError("ResponseNotAuthentic")<{
    /** The origin of the server. */
    readonly origin: string
    /** What is wrong with the response, and what to do. */
    readonly detail: string
    readonly message: string
  }>
{
  constructor(fields: Pick<ResponseNotAuthentic, "origin" | "detail">) {
    super({ ...fields, message: sentence(`The response of ${fields.origin} is not authentic: ${fields.detail}`) })
  }
}

/**
 * Errors of a token source. Calls of a client with a token source fail with them, beside `ApiError`.
 *
 * @example
 * import type { TokenError, TokenSourceError } from "@countersign/auth/Errors"
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Effect from "effect/Effect"
 *
 * class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}
 *
 * const advice = ({ message, reason }: TokenError) =>
 *   reason === "ReauthorizationRequired"
 *     ? "Sign in again."
 *     : reason === "Unavailable"
 *       ? "Try again later."
 *       : `Correct the settings of the client. ${message}`
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* Api
 *   const { status } = yield* api.get("/orders/42")
 *   return `status ${status}`
 * }).pipe(
 *   Effect.catchTags({
 *     TokenError: (error) => Effect.succeed(advice(error)),
 *     TokenStoreError: (error) => Effect.succeed(`Repair the token store. ${error.message}`)
 *   })
 * )
 *
 * @since 0.1.0
 * @category errors
 */
export type TokenSourceError = TokenError | TokenStoreError
