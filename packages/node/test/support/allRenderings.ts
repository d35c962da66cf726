import * as Cause from "effect/Cause"
import { inspect } from "node:util"

/** All renderings of a value in which it may appear in a log. */
export const allRenderings = (value: unknown): string =>
  [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: 20, showHidden: true }),
    value instanceof Error ? `${value.message}\n${value.stack}` : "",
    Cause.pretty(Cause.fail(value))
  ].join("\n")
