/** The refreshes of a source, as a state machine: a union of states with pure transitions. Times are epoch milliseconds. */
import type { TokenError, TokenStoreError } from "../../Errors.js"
import * as Intent from "./intent.js"

/** When a failed token request may be repeated. */
export interface Retry {
  readonly at: number
  /** How many refreshes in a row failed. */
  readonly failures: number
}

/** What the last failures require of the next refresh. */
interface Waits {
  /** Until then no refresh starts in the background. */
  readonly quietUntil: number
  /** Until `at`, callers without a valid token get this error. */
  readonly retry: (Retry & { readonly error: TokenError }) | undefined
}

/** The last refresh succeeded, or there was none. */
export type Idle = { readonly _tag: "Idle" }

/** A token request is being sent. */
export interface InProgress extends Waits {
  readonly _tag: "InProgress"
  readonly intent: Intent.Intent
  /** Whether the server denied the step-up parameters of the request. It may still issue a token without them. */
  readonly isStepUpDenied: boolean
}

/** The last refresh failed. */
export interface BackingOff extends Waits {
  readonly _tag: "BackingOff"
  readonly intent: Intent.Intent
}

/** The refresh token of the record with this version is invalid. It is not sent again. */
export interface Invalid {
  readonly _tag: "Invalid"
  readonly error: TokenError
  readonly version: number
  readonly quietUntil: number
  readonly isLogged: boolean
}

export type RefreshState = Idle | InProgress | BackingOff | Invalid

export const idle: Idle = { _tag: "Idle" }

/** For this time after a failure, a valid token is not refreshed in the background. */
const quietMs = 30_000

/** The same after a failure of the store, which a failover or an operator may end at any moment. */
const quietAfterStoreMs = 2_000

const noWaits: Waits = { quietUntil: Number.NEGATIVE_INFINITY, retry: undefined }

/** The backoff of the last failure. */
export const retryOf = (state: RefreshState): Waits["retry"] =>
  state._tag === "InProgress" || state._tag === "BackingOff" ? state.retry : undefined

/** The intent of the last refresh. */
export const intentOf = (state: RefreshState): Intent.Intent =>
  state._tag === "InProgress" || state._tag === "BackingOff" ? state.intent : Intent.none

/** A token request is sent. A refresh in progress was given up before. */
export const start = (state: Idle | InProgress | BackingOff, intent: Intent.Intent): InProgress => ({
  ...(state._tag === "Idle" ? noWaits : state),
  _tag: "InProgress",
  intent,
  isStepUpDenied: false
})

/** The server denied the step-up parameters. */
export const stepUpDenied = (state: InProgress): InProgress => ({ ...state, isStepUpDenied: true })

/** The token request failed. */
export const requestFailed = (state: InProgress, error: TokenError): InProgress => ({
  ...state,
  intent: Intent.afterFailure(state.intent, error)
})

/** The server rejected the refresh token, and the record is unchanged. */
export const rejected = (state: InProgress, error: TokenError, version: number): Invalid => ({
  _tag: "Invalid",
  error,
  version,
  quietUntil: state.quietUntil,
  isLogged: false
})

/** The record was read. A record with another version has another refresh token. */
export const recordRead = (state: RefreshState, version: number): RefreshState =>
  state._tag === "Invalid" && state.version !== version ? idle : state

/** A new token is in the cache, so earlier failures have no effect. */
export const tokenCached = (state: RefreshState): Idle | InProgress =>
  state._tag === "InProgress" ? { ...state, ...noWaits } : idle

/** Only the server can end an outage. A store can be repaired and a user can sign in at any time. */
const isOutage = (error: Failed["error"]): error is TokenError =>
  error?._tag === "TokenError" && error.reason !== "ReauthorizationRequired"

/** A failed refresh. */
export interface Failed {
  /** Undefined after a defect. */
  readonly error: TokenError | TokenStoreError | undefined
  readonly now: number
  /** The earliest time for the next request that the server allows. */
  readonly retryAt: number
  /** The next step of the backoff. */
  readonly retry: Retry
  /** When the token in the cache expires. An expired token is refreshed without a wait. */
  readonly expiresAt: number
}

/** The refresh failed. A denied step-up says nothing about a request without it. */
export const failed = (state: RefreshState, failure: Failed): BackingOff | Invalid => {
  const { error, expiresAt, now, retry } = failure
  const isDenied = state._tag === "InProgress" && state.isStepUpDenied
  const retryAt = isDenied ? now : failure.retryAt
  const quiet = error?._tag === "TokenStoreError" ? quietAfterStoreMs : quietMs
  const quietUntil = Math.max(retryAt, Math.min(now + quiet, Math.max(expiresAt, now)))
  if (state._tag === "Invalid") return { ...state, quietUntil, isLogged: true }
  return {
    _tag: "BackingOff",
    intent: intentOf(state),
    quietUntil,
    retry: isOutage(error) && !isDenied ? { ...retry, at: Math.max(retryAt, retry.at), error } : retryOf(state)
  }
}

/** Whether no refresh starts in the background at `now`. */
export const isQuiet = (state: RefreshState, now: number): boolean => state._tag !== "Idle" && now < state.quietUntil

/** The error for callers without a valid token, while it is too early for another request. */
export const errorAt = (state: RefreshState, now: number): TokenError | undefined => {
  const retry = retryOf(state)
  return retry !== undefined && now < retry.at ? retry.error : undefined
}
