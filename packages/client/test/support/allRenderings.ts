import * as Cause from "effect/Cause"
import type * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"
import { format, inspect } from "node:util"

/**
 * | All texts that a value can produce in logs and output.
 * | @param canBeCloned - false for an error of a traced effect: Effect adds its span, which has functions and cannot be
 * cloned.
 */
export const allRenderings = (value: unknown, canBeCloned = true): ReadonlyArray<string> => {
  const texts = [
    String(value),
    JSON.stringify(value) ?? "",
    JSON.stringify({ ...(value as object) }),
    inspect(value, { depth: 20, showHidden: true }),
    inspect({ ...(value as object) }, { depth: 20, showHidden: true }),
    Inspectable.format(value),
    Inspectable.toStringUnknown(value),
    Cause.pretty(Cause.fail(value), { renderErrorCause: true }),
    inspect(Cause.fail(value), { depth: 20, showHidden: true }),
    JSON.stringify(Exit.fail(value)),
    Logger.stringLogger.log(logOptions(value)),
    inspect(Logger.structuredLogger.log(logOptions(value)), { depth: Infinity, showHidden: true }),
    JSON.stringify(Logger.structuredLogger.log(logOptions(value))),
    Logger.jsonLogger.log(logOptions(value)),
    Logger.logfmtLogger.log(logOptions(value)),
    consoleOutput(Logger.prettyLogger({ colors: false, mode: "tty" }), value)
  ]
  if (value instanceof Error) {
    texts.push(value.message, value.stack ?? "", inspect(value.cause, { depth: 20, showHidden: true }))
    if (canBeCloned) texts.push(inspect(structuredClone(value), { depth: 20, showHidden: true }))
    for (const key of Reflect.ownKeys(value))
      texts.push(inspect(Reflect.get(value, key), { depth: 20, showHidden: true }))
  }
  return texts
}

/** Output of a logger that writes to the console. */
const consoleOutput = (logger: Logger.Logger<unknown, void>, value: unknown): string => {
  const written: Array<unknown> = []
  const write = (...values: ReadonlyArray<unknown>): void => void written.push(...values)
  const unsafe = { ...globalThis.console, log: write, error: write, group: write, groupEnd: write }
  const recordingConsole: Console.Console = { ...Effect.runSync(Effect.console), unsafe }
  const program = Effect.log(value, Cause.fail(value)).pipe(Effect.annotateLogs({ value }))
  Effect.runSync(
    Effect.withConsole(Effect.provide(program, Logger.replace(Logger.defaultLogger, logger)), recordingConsole)
  )
  if (written.length === 0) throw new Error("the logger wrote nothing")
  return format("%O", written)
}

const logOptions = (message: unknown): Logger.Logger.Options<unknown> => {
  let options: Logger.Logger.Options<unknown> | undefined
  const capture = Logger.make<unknown, void>((given) => {
    options = given
  })
  Effect.runSync(
    Effect.log(message, Cause.fail(message)).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, capture)))
  )
  if (options === undefined) throw new Error("the logger received nothing")
  return options
}
