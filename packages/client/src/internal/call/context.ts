/**
 * The context of a call: an immutable value that the policies pass down with the request.
 *
 * Nothing of it is stored in the fiber, except while code outside of this package runs: that code finds it in a
 * `FiberRef`.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import { Timeout } from "../../Errors.js"
import { isPolling } from "../../WaitStrategy.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { unsafeMonotonicNow, unsafeNow } from "../time/clock.js"
import type { Running } from "../runtime/fiber.js"
import { makeLocal, writeLocal } from "../runtime/fiber.js"

/** A fiber that is running. */
export type { Running } from "../runtime/fiber.js"

/** When a call or a request must be over, and the fields of the error. */
export interface Deadline {
  /** The deadline in milliseconds of the monotonic clock. A change of the wall clock does not move it. */
  readonly at: number
  /** The same time in epoch milliseconds when the deadline was set. For code that knows only the wall clock. */
  readonly epochMillis: number
  readonly scope: Timeout["scope"]
  readonly after: Duration.Duration
  readonly request: HttpClientRequest
}

/** What a request holds that other requests wait for: permits and probes, innermost first. */
interface Held {
  readonly what: object
  readonly outer: Held | undefined
}

/** See `Transport.RequestLimits`. */
export interface RequestLimits {
  /** Longest time without a byte of the body, instead of the time of the transport. Infinite for no limit. */
  readonly bodyTimeout: Duration.Duration
}

/** The context of a call at one position of the pipeline. */
export interface CallContext {
  /** The fiber that sends the request. */
  readonly fiber: Running
  readonly deadline: Deadline | undefined
  /** The deadline that code further out enforces by interruption. No timer is set for it again. */
  readonly enforced: Deadline | undefined
  /** Whether a retry policy further out is active. Nested retries would multiply the attempts. */
  readonly isRetrying: boolean
  /** Number of the attempt in its hop, from 1. */
  readonly attempt: number
  /** Counts the requests of the call: retries, replays and redirects included. Undefined outside of calls. */
  readonly requests: { count: number } | undefined
  readonly held: Held | undefined
  /** The span of the request. */
  readonly span: Tracer.Span | undefined
  /** Limits of the request that a transport sends. Undefined outside of a transport. */
  readonly limits: RequestLimits | undefined
}

/** The context of a fiber that is in no call. */
export const rootContext = (fiber: Running): CallContext => ({
  fiber,
  deadline: undefined,
  enforced: undefined,
  isRetrying: false,
  attempt: 1,
  requests: undefined,
  held: undefined,
  span: undefined,
  limits: undefined
})

/** The context for code outside of this package. Undefined when that code has ended. */
interface Published {
  context: CallContext | undefined
  readonly outer: Published | undefined
}

const published = makeLocal<Published | undefined>("@countersign/client/CallContext/1", undefined, {
  join: (parent) => parent
})

/**
 * What is published in a fiber and has not ended. A daemon may outlive the call, and a `Runtime` that was taken inside of a
 * call may be used after it.
 */
const currentOf = (fiber: Running): Published | undefined => {
  let current = fiber.getFiberRef(published)
  for (let at = current; at !== undefined; at = at.outer) if (at.context === undefined) current = at.outer
  return current
}

/** The context of the call that a fiber is in. */
export const contextOf = (fiber: Running): CallContext => {
  const context = currentOf(fiber)?.context
  return context === undefined ? rootContext(fiber) : inFiber(context, fiber)
}

/** The same context in another fiber. */
export const inFiber = (context: CallContext, fiber: Running): CallContext =>
  context.fiber === fiber ? context : { ...context, fiber }

/**
 * Runs an effect of code outside of this package, which finds the context until the effect ends. The `FiberRef` is not
 * restored, as `Effect.locally` would: {@link currentOf} ignores what has ended, and thousands of fibers may wait here.
 */
export const publish = <A, E, R>(effect: Effect.Effect<A, E, R>, context: CallContext): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) => {
    const current: Published = { context, outer: currentOf(context.fiber) }
    const end = (exit: Exit.Exit<A, E>): Exit.Exit<A, E> => {
      current.context = undefined
      return exit
    }
    return Effect.matchCauseEffect(Effect.zipRight(writeLocal(published, current), restore(effect)), {
      onFailure: (cause) => end(Exit.failCause(cause)),
      onSuccess: (value) => end(Exit.succeed(value))
    })
  })

/** A deadline after `ms` milliseconds, or the deadline of the context if that is earlier. */
export const earlierDeadline = (
  { deadline, fiber }: CallContext,
  ms: number,
  scope: Deadline["scope"],
  after: Duration.Duration,
  request: HttpClientRequest
): Deadline | undefined => {
  const at = unsafeMonotonicNow(fiber) + ms
  if (at === Number.POSITIVE_INFINITY || (deadline !== undefined && deadline.at <= at)) return deadline
  return { at, epochMillis: unsafeNow(fiber) + ms, scope, after, request }
}

/** Milliseconds until the deadline. Infinity without a deadline. */
export const remainingMillis = ({ deadline, fiber }: CallContext): number =>
  deadline === undefined ? Number.POSITIVE_INFINITY : deadline.at - unsafeMonotonicNow(fiber)

/** The deadline in milliseconds of the monotonic clock. Infinity without a deadline. */
export const deadlineAt = ({ deadline }: CallContext): number => deadline?.at ?? Number.POSITIVE_INFINITY

/**
 * The deadline that the caller must enforce with a timer, in milliseconds of the monotonic clock. Infinity without a deadline,
 * and for a deadline that code further out enforces.
 */
export const timerAt = ({ deadline, enforced }: CallContext): number =>
  deadline === undefined || deadline === enforced ? Number.POSITIVE_INFINITY : deadline.at

/** The context of requests that are made while the caller holds something that other requests wait for. */
export const holding = (context: CallContext, what: object): CallContext => ({
  ...context,
  held: { what, outer: context.held }
})

/**
 * Whether the call holds `what`. To let a request wait for its own holder would be a deadlock: a scheme that requests a
 * token in the middle of a call is a part of that call. Another request of the same call is not: it waits.
 */
export const holds = ({ held }: CallContext, what: object): boolean => {
  for (let at = held; at !== undefined; at = at.outer) if (at.what === what) return true
  return false
}

/** Fails with the `Timeout` of the context's deadline. */
export const failTimeout = ({ deadline }: CallContext): Effect.Effect<never> =>
  Effect.suspend(() => {
    if (deadline === undefined) return Effect.die(new Error("a call without a deadline timed out"))
    const { after, request, scope } = deadline
    const error = new Timeout({ method: request.method, url: redactedUrl(request), scope, after })
    // The policy that set the deadline has `Timeout` among its errors. The policies inside it do not declare it again.
    return Effect.fail(error) as Effect.Effect<never>
  })

/** Fails with the `Timeout` of the deadline if it has passed, as when its timer and a response come at the same time. */
export const checkDeadline = (context: CallContext): Effect.Effect<void> =>
  Effect.suspend(() => (timerAt(context) <= unsafeMonotonicNow(context.fiber) ? failTimeout(context) : Effect.void))

/** Time for a fiber to end after its deadline, in milliseconds. */
const slackMs = 1000

/** The lease of a fiber without a deadline, in milliseconds, on a runtime that may drop fibers without a trace. */
const maxLeaseMs = 300_000

/**
 * Until when a request may hold a permit or be a probe, in milliseconds of the monotonic clock. A fiber that holds it for
 * longer is lost: its request is over, and its runtime ran no finalizers.
 */
export const leaseEnd = ({ deadline, fiber }: CallContext): number => {
  if (deadline !== undefined) return deadline.at + slackMs
  return isPolling(fiber) ? unsafeMonotonicNow(fiber) + maxLeaseMs : Number.POSITIVE_INFINITY
}
