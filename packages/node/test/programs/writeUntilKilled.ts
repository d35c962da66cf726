// Writes to the file at the path until it is killed, and prints "begun" after its first write.
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const [path = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const store = yield* FileTokenStore.make({ path })
  const before = Option.match(yield* store.get("key"), { onNone: () => 0, onSome: ({ version }) => version })
  const begun = Effect.repeat(Effect.delay(store.get("key"), "1 millis"), {
    until: Option.exists(({ version }) => version > before)
  })
  const reported = Effect.tap(begun, () => Effect.sync(() => process.stdout.write("begun\n")))
  yield* Effect.race(Effect.zipRight(reported, Effect.never), TokenStoreContract.crashingWriter(store))
})
await Effect.runPromise(program)
