/**
 * Background work that outlives the request of a server, on runtimes that otherwise end it with the request.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"

/**
 * Function of a runtime that keeps the current request alive until a promise settles, such as `waitUntil` of
 * `cloudflare:workers`.
 *
 * @since 0.1.0
 * @category models
 */
export type Register = (work: Promise<unknown>) => void

/**
 * The function that keeps requests alive for background work: refreshes of tokens before they expire, and validations of cached
 * responses. Without it (the default) such work may end with the request that has started it, and a later request repeats it.
 *
 * Provide it to the Layer of the client. It is called while the request runs that starts the work. An exception of it is ignored.
 *
 * @example
 * import * as WaitUntil from "@countersign/client/WaitUntil"
 * import * as Layer from "effect/Layer"
 *
 * // import { waitUntil } from "cloudflare:workers"
 * declare const waitUntil: (work: Promise<unknown>) => void
 *
 * const WaitUntilLive = Layer.succeed(WaitUntil.WaitUntil, waitUntil)
 *
 * @since 0.1.0
 * @category tags
 */
export class WaitUntil
  extends /* @__PURE__ */ Context.Reference<WaitUntil>()("@countersign/client/WaitUntil", {
    defaultValue: (): Register | undefined => undefined
  }) {}

/**
 * Registers the work of a fiber, if there is a function for it.
 *
 * @param register - the value of {@link WaitUntil}.
 * @param fiber - a fiber that runs in the background.
 * @since 0.1.0
 * @category utilities
 */
export const registerFiber = (register: Register | undefined, fiber: Fiber.RuntimeFiber<unknown, unknown>): void => {
  if (register === undefined) return
  try {
    register(new Promise<void>((resolve) => fiber.addObserver(() => resolve())))
  } catch {
    // Outside of a request there is nothing to keep alive.
  }
}
