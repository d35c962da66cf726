/** Custom token store over a table of strings, such as a database or a key-value service. */
import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as ProcessLock from "@countersign/node/ProcessLock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { join } from "node:path"

// #region store
/** A table of strings. Other processes may use the same table. */
export interface Table {
  readonly select: (name: string) => Promise<string | null>
  readonly upsert: (name: string, text: string) => Promise<void>
}

const failed = (reason: "ReadFailed" | "WriteFailed") => () =>
  new TokenStoreError({ reason, detail: "the table did not answer: is the database up?" })

/** Lock files on this host are enough, because all processes that use the table run on it. */
export const make = (table: Table, lockFolder: string): Effect.Effect<TokenStore.Service> =>
  Effect.map(ProcessLock.make(), (locks) =>
    KeyValueTokenStore.fromTextStore({
      description: "the table of tokens",
      lockScope: "host",
      get: (name) =>
        Effect.map(
          Effect.tryPromise({ try: () => table.select(name), catch: failed("ReadFailed") }),
          Option.fromNullable
        ),
      set: (name, text) => Effect.tryPromise({ try: () => table.upsert(name, text), catch: failed("WriteFailed") }),
      withLock: (lock) => locks.withLock(join(lockFolder, `${lock}.lock`))
    })
  )

export const layer = (table: Table, lockFolder: string): Layer.Layer<TokenStore.TokenStore> =>
  Layer.effect(TokenStore.TokenStore, make(table, lockFolder))
// #endregion
