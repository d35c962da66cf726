// Writes versions under the lock until it is killed. It prints a line after its first write.
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import * as Effect from "effect/Effect"
import { libsqlClient, openStore, storeOn } from "../support/openStore.js"

const [database, address = "", table = "", lease = "", exclusion] = process.argv.slice(2)

const options = {
  table,
  lease: Number(lease),
  exclusion: exclusion === "advisory" ? ("advisory" as const) : ("lease" as const)
}

const program = Effect.gen(function* () {
  const store = yield* database === "sqlite"
    ? Effect.flatMap(libsqlClient(address), (sql) => storeOn(sql, options))
    : openStore(address, options)
  let isFirst = true
  return yield* TokenStoreContract.crashingWriter({
    ...store,
    compareAndSet: (key, expected, token) =>
      Effect.tap(store.compareAndSet(key, expected, token), () =>
        Effect.sync(() => {
          if (isFirst) process.stdout.write("written\n")
          isFirst = false
        })
      )
  })
})
await Effect.runPromise(Effect.scoped(program))
