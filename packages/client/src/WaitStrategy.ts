/**
 * How a waiting fiber learns that its wait is over: it is notified, or it polls.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"

/**
 * How a waiting fiber learns that its wait is over.
 *
 * - `"notify"`: the fiber that ends the wait resumes the waiting fiber.
 * - `"poll"`: the waiting fiber checks every 20 ms, with its own timer.
 *
 * Some runtimes bind timers and I/O to one incoming request, and no request may resume the continuation of another one.
 * There a notified fiber never continues, so a client that several requests share needs `"poll"`. When a request ends, such
 * a runtime may also drop its fibers without running their finalizers.
 *
 * @since 0.1.0
 * @category models
 */
export type Strategy = "notify" | "poll"

const isWorkers = (): boolean => globalThis.navigator?.userAgent === "Cloudflare-Workers"

/**
 * The wait strategy of a client, for all its waits: for a token, a permit, a throttle, a rate limit, or a lock of the token
 * store. The default is `"poll"` on Cloudflare Workers and `"notify"` elsewhere.
 *
 * @example
 * import * as WaitStrategy from "@countersign/client/WaitStrategy"
 * import * as Layer from "effect/Layer"
 *
 * // For another runtime that binds I/O to a request.
 * const WaitLive = Layer.succeed(WaitStrategy.WaitStrategy, "poll")
 *
 * @since 0.1.0
 * @category tags
 */
export class WaitStrategy
  extends /* @__PURE__ */ Context.Reference<WaitStrategy>()("@countersign/client/WaitStrategy", {
    defaultValue: (): Strategy => (isWorkers() ? "poll" : "notify")
  }) {}

/**
 * Whether a fiber polls when it waits.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isPolling = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  Context.get(fiber.currentContext, WaitStrategy) === "poll"
