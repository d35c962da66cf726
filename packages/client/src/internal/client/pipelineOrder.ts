/** The order of the policies in the pipeline of a client. */
import * as Origin from "@countersign/protocol/Origin"
import type { ApiError } from "../../Errors.js"
import * as Auth from "../../Auth.js"
import * as CircuitBreaker from "../../CircuitBreaker.js"
import * as Concurrency from "../../Concurrency.js"
import * as Cookies from "../../Cookies.js"
import type * as Policy from "../../Policy.js"
import * as RateLimit from "../../RateLimit.js"
import * as Redirects from "../../Redirects.js"
import * as RequestDefaults from "../../RequestDefaults.js"
import * as Retry from "../../Retry.js"
import * as Status from "../../Status.js"
import * as Telemetry from "../../Telemetry.js"
import * as Timeline from "../../Timeline.js"
import * as Timeout from "../../Timeout.js"
import type { Settings } from "./options.js"
import type { Services } from "./services.js"
import { retryOptions } from "./services.js"

/**
 * One step of the pipeline: its name, the reason for its position, and its policy, if the options enable it.
 *
 * @since 0.1.0
 * @category models
 */
export interface PipelineStep {
  /** Module and function of the policy, such as `Retry.policy`. */
  readonly name: string
  /** Why the step stands at this position. */
  readonly reason: string
  /** @internal */
  readonly policy: <E>(services: Services<E>) => Policy.Policy<ApiError | E> | undefined
}

/** A server may request the same maximum wait before a redirect as before a retry. */
const redirectOptions = (retry: Settings["retry"]): Redirects.Options =>
  retry === false ? {} : { maxRetryAfter: retryOptions(retry).maxRetryAfter }

/**
 * The pipeline's steps, outermost first. Clients are built from this list, and the table in `docs/reference/pipeline.md` is
 * checked against it.
 *
 * @since 0.1.0
 * @category pipeline
 */
export const pipelineOrder: ReadonlyArray<PipelineStep> = [
  {
    name: "Telemetry.counters",
    reason: "Outermost: counts the events of the whole call, including failed calls.",
    policy: ({ settings: { metrics }, origins }) => metrics?.counters({ origins })
  },
  {
    name: "RequestDefaults.policy",
    reason: "Once per call: the target of a redirect is not joined to the base URL again.",
    policy: ({ defaults }) => RequestDefaults.policy(defaults)
  },
  {
    name: "Timeline.policy",
    reason:
      "Inside the defaults: its events show the whole URL. Outside the rest: all events of a call have its number.",
    policy: ({ settings: { observe }, origins }) => Timeline.policy({ api: Origin.of(origins[0] ?? ""), observe })
  },
  {
    name: "Timeout.call",
    reason: "Bounds the whole call, including all waits.",
    policy: ({ settings: { timeout } }) =>
      timeout.call === false ? undefined : Timeout.call(timeout.call ?? Timeout.defaults.call)
  },
  {
    name: "IdempotencyKey.policy",
    reason: "Once per call: all hops and attempts carry the same key. `Timeout.call` bounds the effect that makes it.",
    policy: ({ settings: { idempotencyKey } }) => idempotencyKey?.policy
  },
  {
    name: "Status.policy",
    reason: "Inner policies see the status that the server sent. `Timeout.call` bounds the time to read an error body.",
    policy: () => Status.policy
  },
  {
    name: "Redirects.follow",
    reason: "Outside retry: a hop that ended with a 3xx is never sent again. Each hop has its own retries.",
    policy: ({ settings: { redirects, retry } }) =>
      redirects === false ? undefined : Redirects.follow({ ...redirectOptions(retry), ...redirects })
  },
  {
    name: "HttpCache.policy",
    reason: "Each hop by itself. A stored response uses no retry, circuit, permit, token or span.",
    policy: (services) => services.settings.cache?.policyFor(services)
  },
  {
    name: "Retry.policy",
    reason:
      "Outside circuit breaker and limits: each attempt passes through them. One count for all failures of a hop.",
    policy: ({ budget, settings: { idempotencyKey, retry } }) =>
      retry === false
        ? undefined
        : Retry.policy({ idempotencyKeyHeader: idempotencyKey?.header, ...retryOptions(retry), budget })
  },
  {
    name: "Hedge.policy",
    reason: "Inside retry: hedged requests are one attempt. Each of them passes through circuit breaker and limits.",
    policy: ({ budget, settings: { hedge } }) => hedge?.(budget === false ? undefined : budget)
  },
  {
    name: "CircuitBreaker.policy",
    reason: "An open circuit uses no permit. It sees the timeout of an attempt, and the status that the server sent.",
    policy: ({ circuits }) => (circuits === undefined ? undefined : CircuitBreaker.policy(circuits))
  },
  {
    name: "Concurrency.policy",
    reason:
      "Requests that an open circuit rejects are not queued. Queued requests are not yet counted as sent, nor signed.",
    policy: ({ permits }) => (permits === undefined ? undefined : Concurrency.policy(permits))
  },
  {
    name: "RateLimit.policy",
    reason:
      "Waits before the request is signed, because signatures carry timestamps. Inside retry: each attempt waits.",
    policy: ({ limits }) => (limits === undefined ? undefined : RateLimit.policy(limits))
  },
  {
    name: "Auth.policy",
    reason: "Adds credentials last, and only for the client's own origins. The replay after a 401 is not an attempt.",
    policy: ({ auth, origins }) => (auth === Auth.none ? undefined : Auth.policy({ auth, origins }))
  },
  {
    name: "Telemetry.span",
    reason:
      "One span per HTTP request, replays included. A timeout is the span's error. Token refreshes have no span here.",
    policy: ({ settings: { tracing }, origins }) =>
      tracing === false ? undefined : Telemetry.span({ ...tracing, origins })
  },
  {
    name: "Telemetry.durations",
    reason: "Measures the same interval as the span.",
    policy: ({ settings: { metrics }, origins }) => metrics?.durations({ origins })
  },
  {
    name: "Cookies.policy",
    reason: "Sees every `Set-Cookie`, also of a 401 or 3xx. `Timeout.exchange` does not include reading the jar.",
    policy: ({ jar }) => (jar === undefined ? undefined : Cookies.policy(jar))
  },
  {
    name: "Timeout.exchange",
    reason:
      "Innermost: does not include waits for a permit or a token refresh. It calls the transport without an effect.",
    policy: ({ settings: { timeout } }) =>
      timeout.exchange === false ? undefined : Timeout.exchange(timeout.exchange ?? Timeout.defaults.exchange)
  }
]
