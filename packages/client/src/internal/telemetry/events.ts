/**
 * One event of a call.
 *
 * - `at`: its time in epoch milliseconds.
 * - `callId`: the number of the call in this process, from 1. `api`: the origin of the client's base URL. Both are missing
 *   outside of a call.
 * - `ms`: a duration in whole milliseconds.
 * - `request`: the number of an HTTP request in its call, from 1. `attempt`: the number of the attempt in its hop, from 1.
 *
 * URLs are safe to print, and no event contains a token.
 *
 * - `CallStarted`, `CallEnded`: the whole call. `outcome` is the status or the tag of the error, `Interrupted` or `Defect`.
 *   `status` is that of the last response, also of an error. `waitedMs` is the part of `ms` for retries, limits and
 *   redirects.
 * - `RequestSent`, `ResponseReceived`, `RequestFailed`: an HTTP request, and its status or the reason of its failure. `ms` is
 *   the time until the header fields, or until the failure.
 * - `RetryScheduled`: a retry after `ms`. `reason` is the status or the tag of the error.
 * - `Throttled`: the request waits for about `ms`, because of a rate limit.
 * - `Queued`: the request waits for a permit, with `ahead` others before it.
 * - `Admitted`: the request waited `ms` for a throttle, a limit or a permit.
 * - `CircuitOpened`: the circuit of `origin` opened, and the first probe is due after `ms`.
 * - `CircuitHalfOpened`, `CircuitClosed`: the circuit of `origin` sends a probe, or closed.
 * - `Redirected`: the next hop goes to `url`. `ms` is the wait that the server asked for, or 0.
 * - `CacheUsed`: a response from the cache. `outcome` is `Hit`, `Revalidated` by a 304, or `Stale`. `ms` is its age.
 * - `TokenRequested`, `TokenObtained`: a token request, and its success.
 * - `CredentialsRefreshed`: after a 401. `renewed` says whether the scheme has new credentials for a replay.
 *
 * @since 0.1.0
 * @category models
 */
export type Event = EventFields & {
  readonly at: number
  readonly callId?: number
  readonly api?: string
}

/**
 * An event without the fields that every event has: the argument of `Timeline.emit`.
 *
 * @since 0.1.0
 * @category models
 */
export type EventFields =
  | { readonly _tag: "CallStarted"; readonly method: string; readonly url: string }
  | CallEnded
  | ({ readonly _tag: "RequestSent"; readonly method: string; readonly url: string } & RequestNumbers)
  | ({ readonly _tag: "ResponseReceived"; readonly status: number; readonly ms: number } & RequestNumbers)
  | ({ readonly _tag: "RequestFailed"; readonly reason: string; readonly ms: number } & RequestNumbers)
  | { readonly _tag: "RetryScheduled"; readonly ms: number; readonly reason: string }
  | { readonly _tag: "Throttled"; readonly ms: number }
  | { readonly _tag: "Admitted"; readonly ms: number }
  | { readonly _tag: "Queued"; readonly ahead: number }
  | { readonly _tag: "CircuitOpened"; readonly origin: string; readonly ms: number; readonly reason: string }
  | { readonly _tag: "CircuitHalfOpened"; readonly origin: string }
  | { readonly _tag: "CircuitClosed"; readonly origin: string }
  | { readonly _tag: "Redirected"; readonly url: string; readonly ms: number }
  | { readonly _tag: "CacheUsed"; readonly outcome: "Hit" | "Revalidated" | "Stale"; readonly ms: number }
  | { readonly _tag: "TokenRequested" }
  | { readonly _tag: "TokenObtained" }
  | { readonly _tag: "CredentialsRefreshed"; readonly renewed: boolean }

interface RequestNumbers {
  readonly request: number
  readonly attempt: number
}

interface CallEnded {
  readonly _tag: "CallEnded"
  readonly method: string
  readonly url: string
  readonly outcome: string
  readonly status?: number
  readonly ms: number
  readonly requests: number
  readonly waitedMs: number
}
