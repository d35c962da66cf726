/** Rejects unknown names of options, for JavaScript, variables and files. TypeScript finds them in literals only. */
import * as OptionNames from "@countersign/protocol/OptionNames"

export type { ShapeOf } from "@countersign/protocol/OptionNames"

/** Names in other libraries: `@effect/sql`, connect-pg-simple and knex. */
const otherNames: OptionNames.OtherNames = {
  tableName: "table",
  schema: "table",
  schemaName: "table",
  prefix: "table",
  ttl: "lease",
  wait: "lockTimeout",
  acquireTimeout: "lockTimeout",
  lock: "exclusion",
  advisory: "exclusion"
}

/** Throws for an unknown name, else returns the options. */
export const known = <O>(owner: string, options: O, names: OptionNames.Shape): O => {
  const problem = OptionNames.problem(owner, options, names, otherNames)
  if (problem !== undefined) throw new TypeError(problem)
  return options
}
