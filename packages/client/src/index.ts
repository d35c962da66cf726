/**
 * The public modules of `@countersign/client` as namespaces. `npm run docs -- --write` writes this file.
 *
 * @since 0.1.0
 */
/** API clients: an Effect service per API. All its requests pass through one pipeline of policies. */
export * as ApiClient from "./ApiClient.js"
/** Groups of the errors of a call, by what the caller can do. */
export * as ApiError from "./ApiError.js"
/** Log lines of all clients of an application: one line for each call at its end, and one for each event within it. */
export * as ApiLog from "./ApiLog.js"
/**
 * HTTP authentication ([RFC 9110 §11](https://www.rfc-editor.org/rfc/rfc9110#section-11)): the interface of authentication
 * schemes, and the policy that uses a scheme.
 */
export * as Auth from "./Auth.js"
/** Batches: a call for each of many items, with an outcome for each, progress, and a checkpoint to continue after a crash. */
export * as Batch from "./Batch.js"
/** Map with a maximum size. */
export * as BoundedMap from "./BoundedMap.js"
/** Calls of a client: the options of one call, its result and its errors. */
export * as Call from "./Call.js"
/** Circuit breaker for each origin: after too many failures, requests to the origin fail without being sent. */
export * as CircuitBreaker from "./CircuitBreaker.js"
/** Concurrency limit for each origin: a maximum number of concurrent requests, and a bounded queue (bulkhead). */
export * as Concurrency from "./Concurrency.js"
/** Options that come from the configuration (`Config`): for the `layerConfig` of a scheme, a store or a client of your own. */
export * as ConfigOptions from "./ConfigOptions.js"
/** Continuations: when to request the rest of a body that broke off, with the retries of a client. */
export * as Continuation from "./Continuation.js"
/**
 * Cookie jar ([RFC 6265](https://www.rfc-editor.org/rfc/rfc6265)): a service that stores the cookies of a session, in memory
 * or persistently.
 */
export * as CookieJar from "./CookieJar.js"
/**
 * Cookies ([RFC 6265](https://www.rfc-editor.org/rfc/rfc6265)): stores the cookies of responses, and sends them with later
 * requests.
 */
export * as Cookies from "./Cookies.js"
/** Errors of a call, one type for each decision that the caller can make. */
export * as Errors from "./Errors.js"
/** Map with a maximum size and with entries that expire. */
export * as ExpiringMap from "./ExpiringMap.js"
/** Request hedging: when a response is slow, the request is sent once more, and the first good response is used. */
export * as Hedge from "./Hedge.js"
/**
 * Typed clients of an `HttpApi`, the platform's description of an API. All calls pass through the pipeline of an
 * {@link ApiClient}.
 */
export * as HttpApiClient from "./HttpApiClient.js"
/**
 * HTTP cache ([RFC 9111](https://www.rfc-editor.org/rfc/rfc9111)): stores the responses of GET requests, and uses them again
 * while they are fresh, or after the server has validated them.
 */
export * as HttpCache from "./HttpCache.js"
/** Idempotency keys: a unique key for each call, by which the server recognises a repeated request. */
export * as IdempotencyKey from "./IdempotencyKey.js"
/** Request bodies from iterables: arrays, generators, streams of Node and of the web. */
export * as IterableBody from "./IterableBody.js"
/** JSON codecs: how a client parses and writes JSON ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)). */
export * as JsonCodec from "./JsonCodec.js"
/**
 * Streams of JSON values, one on each line: [NDJSON](https://github.com/ndjson/ndjson-spec) and
 * [JSON Lines](https://jsonlines.org).
 */
export * as JsonLines from "./JsonLines.js"
/** Mutual exclusion among the fibers of one process, first come, first served. */
export * as Mutex from "./Mutex.js"
/** Responses with a body that is still arriving: the result of `api.open`. */
export * as OpenResponse from "./OpenResponse.js"
/** Long-running operations: a request that starts work at the server, and requests for its status until it is done. */
export * as Operation from "./Operation.js"
/** Pagination: the pages of a list, and their items, as a stream. */
export * as Paginate from "./Paginate.js"
/** Policies: functions that wrap a client. A pipeline is a list of nested policies. */
export * as Policy from "./Policy.js"
/**
 * Problem details for HTTP APIs ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)): a machine-readable description of an
 * error in its response.
 */
export * as Problem from "./Problem.js"
/** Clients for code without Effect: every call returns a Promise. */
export * as PromiseClient from "./PromiseClient.js"
/**
 * Rate limits: throttles requests after a 429 ([RFC 6585 §4](https://www.rfc-editor.org/rfc/rfc6585#section-4)), and applies
 * client-side limits, so that the server does not send one.
 */
export * as RateLimit from "./RateLimit.js"
/**
 * Rate limiter: a number of tokens per time window, for each key. `RateLimit.make` applies it to requests, and it can limit
 * anything else.
 */
export * as RateLimiter from "./RateLimiter.js"
/**
 * Redirects ([RFC 9110 §15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4)), without sending credentials or bodies
 * to another origin.
 */
export * as Redirects from "./Redirects.js"
/** Request bodies that can be sent again. A stream can be read once, so by default it is never replayed. */
export * as RequestBody from "./RequestBody.js"
/** Defaults of every request of an API: base URL, header fields and query parameters. */
export * as RequestDefaults from "./RequestDefaults.js"
/** Retries: further attempts of a failed request that may be sent again, never before the time in `Retry-After`. */
export * as Retry from "./Retry.js"
/**
 * `Retry-After` ([RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)) as a modifier of schedules: no
 * retry before the time that the server named.
 */
export * as RetryAfter from "./RetryAfter.js"
/** Retry budget: a token bucket per origin that limits retries when many calls fail at the same time. */
export * as RetryBudget from "./RetryBudget.js"
/** Schema mismatches: where a value does not match a Schema, without the value itself, because it may be secret. */
export * as SchemaIssue from "./SchemaIssue.js"
/**
 * Server-sent events: event streams ([HTML §9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html)) with typed events,
 * typed ends, and reconnections that lose and repeat nothing.
 */
export * as ServerEvents from "./ServerEvents.js"
/** One-time signals: one fiber completes the signal, any number of fibers wait for its result. */
export * as Signal from "./Signal.js"
/** Typed errors for HTTP status codes, made by the outermost policies of the pipeline. */
export * as Status from "./Status.js"
/**
 * OpenTelemetry spans and metrics by the stable semantic conventions for HTTP clients, without headers, query values or
 * other credentials.
 */
export * as Telemetry from "./Telemetry.js"
/**
 * Events of a call in their order: requests, responses, waits and token refreshes. For debugging, tests and log lines. Events
 * are made only while a listener is set.
 */
export * as Timeline from "./Timeline.js"
/** Timeouts: of one HTTP request and its response, and of the whole call with all requests and waits. */
export * as Timeout from "./Timeout.js"
/**
 * Transport adapter: validates requests before any platform `HttpClient` sends them, and turns its failures into typed
 * errors.
 */
export * as Transport from "./Transport.js"
/** HTTP verbs of a client: functions that send a request with one method and decode its response. */
export * as Verb from "./Verb.js"
/** How a waiting fiber learns that its wait is over: it is notified, or it polls. */
export * as WaitStrategy from "./WaitStrategy.js"
/** Background work that outlives the request of a server, on runtimes that otherwise end it with the request. */
export * as WaitUntil from "./WaitUntil.js"
