import * as Cause from "effect/Cause"
import { inspect } from "node:util"

/** A value in every form in which a log may print it. */
export const allRenderings = (value: unknown): string =>
  [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: 20, showHidden: true }),
    value instanceof Error ? `${value.message}\n${value.stack}` : "",
    Cause.pretty(Cause.fail(value))
  ].join("\n")
