/** Names of tables in statements, where a parameter cannot stand. */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import type { Tables } from "./statements.js"

/** PostgreSQL cuts names after 63 bytes, and a cut name could be that of another table. `_locks` has 6. */
const form = /^(?:[A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,56}$/

const quote = (name: string): string =>
  name
    .split(".")
    .map((part) => `"${part}"`)
    .join(".")

/** Validates and quotes the names of the two tables. */
export const quoted = (table: string): Effect.Effect<Tables, TokenStoreError> =>
  form.test(table)
    ? Effect.succeed({ tokens: quote(table), locks: quote(`${table}_locks`) })
    : new TokenStoreError({
        reason: "WriteFailed",
        detail:
          `\`table\` is ${JSON.stringify(table).slice(0, 100)}. ` +
          "Set a name of at most 57 letters, digits and underscores, with a schema and a dot before it if you need one"
      })
