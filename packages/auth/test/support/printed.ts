import * as Cause from "effect/Cause"
import { inspect } from "node:util"

/** A value by every way in which it may end up in a log. */
export const printed = (value: unknown): string =>
  [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: 20, showHidden: true }),
    value instanceof Error ? `${value.message}\n${value.stack}` : "",
    Cause.pretty(Cause.fail(value))
  ].join("\n")
