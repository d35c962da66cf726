import * as Cause from "effect/Cause"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as LogLevel from "effect/LogLevel"
import { unsafeNow } from "../time/clock.js"

/**
 * Does the same as `Effect.logWithLevel` in a fiber, without an effect: a transport may report a response outside of any
 * effect. An error that a logger throws is ignored. `message` is called only if the level is logged.
 */
export const logNow = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  logLevel: LogLevel.LogLevel,
  message: () => string,
  annotate: () => Readonly<Record<string, unknown>> = () => ({})
): void => {
  if (logLevel === LogLevel.None || LogLevel.greaterThan(fiber.getFiberRef(FiberRef.currentMinimumLogLevel), logLevel))
    return
  const context = fiber.getFiberRefs()
  const annotations = Object.entries(annotate()).reduce(
    (all, [name, value]) => HashMap.set(all, name, value),
    fiber.getFiberRef(FiberRef.currentLogAnnotations)
  )
  const entry = {
    fiberId: fiber.id(),
    logLevel,
    message: [message()],
    cause: Cause.empty,
    context,
    spans: fiber.getFiberRef(FiberRef.currentLogSpan),
    annotations,
    date: new Date(unsafeNow(fiber))
  }
  Inspectable.withRedactableContext(context, () => {
    for (const logger of fiber.getFiberRef(FiberRef.currentLoggers)) {
      try {
        logger.log(entry)
      } catch {
        // A logger must not break a call.
      }
    }
  })
}
