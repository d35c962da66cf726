/** The lock of a record as a row with an owner and an end, by the clock of the database. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as LeaseLock from "@countersign/auth/LeaseLock"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Database } from "../database/database.js"
import type { Statements } from "../database/statements.js"

/** Makes `withLock` by the names of records. */
export const make = (
  { error, run }: Database,
  { acquire, release, renew }: Statements,
  options: LeaseLock.Options
): TokenStore.Service["withLock"] => {
  const isChanged = (statement: string, parameters: ReadonlyArray<string | number>) =>
    Effect.mapBoth(run(statement, parameters), {
      onFailure: (failure): TokenStoreError => error("WriteFailed", failure),
      onSuccess: (rows) => rows.length === 1
    })
  const take = (statement: string) => (name: string, owner: string, lease: Duration.Duration) =>
    isChanged(statement, [name, owner, Math.ceil(Duration.toMillis(lease))])
  return LeaseLock.make(
    {
      acquire: take(acquire),
      renew: take(renew),
      release: (name, owner) => Effect.asVoid(isChanged(release, [name, owner]))
    },
    options
  )
}
