/** Fields that several errors share, and their part of the message. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"

/**
 * The request and the status of its response: fields of all errors that a response caused.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangeInfo {
  /** Method of the request, such as `GET`. */
  readonly method: string
  /** URL of the request, safe to print: without user information, and with the query values that `showQuery` names only. */
  readonly url: string
  /** Status code of the response. */
  readonly status: number
}

/**
 * The server's words: a field of all errors that a response caused.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerWords {
  /**
   * The message in the body of the response, safe to print: one line of at most 200 characters, without the credentials of
   * the call. Undefined if the body has none.
   */
  readonly serverMessage?: string | undefined
}

/** The first part of a message: the request, and the status of its response. */
export const responseText = (e: ExchangeInfo): string => `${e.method} ${e.url} answered ${e.status}`

/** The server's words in quotes, with a full stop unless they end a sentence. */
export const quotedSentence = (serverMessage: string): string =>
  `"${serverMessage}"${/[.!?…]$/.test(serverMessage) ? "" : "."}`

/** The cause in a message: the server's words, or a sentence of this client. */
export const causeText = ({ serverMessage }: ServerWords, otherwise: string): string =>
  serverMessage === undefined ? `${otherwise}.` : quotedSentence(serverMessage)

/**
 * The time at which the server, or this client, accepts another request.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryHint {
  /** Delay, counted from the response. */
  readonly retryAfter?: Duration.Duration | undefined
  /** When the server accepts requests again: `retryAfter` as a point in time. */
  readonly retryAt?: DateTime.Utc | undefined
}

/** The last sentence of a message: when to try again. */
export const retryText = (e: RetryHint): string =>
  e.retryAt === undefined || e.retryAfter === undefined
    ? "The server names no time to try again."
    : `Try again in ${Duration.format(e.retryAfter)}, at ${DateTime.formatIso(e.retryAt)}.`
