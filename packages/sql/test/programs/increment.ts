// Adds one to the number in the store, `times` times. `withLock` or `compareAndSet` alone keeps the count right.
import * as Token from "@countersign/auth/Token"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { openStore } from "../support/openStore.js"

const [url = "", table = "", exclusion, mode = "", times = "0"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const store = yield* openStore(url, { table, exclusion: exclusion === "advisory" ? "advisory" : "lease" })
  const once = Effect.gen(function* () {
    const stored = yield* store.get("count")
    const [count, version] = Option.match(stored, {
      onNone: () => [0, 0] as const,
      onSome: ({ token, version }) => [Number(Redacted.value(token.accessToken)), version] as const
    })
    return yield* store.compareAndSet("count", version, Token.bearer(Redacted.make(String(count + 1)), 0))
  })
  const add = mode === "withLock" ? store.withLock("count")(once) : Effect.repeat(once, { until: Option.isSome })
  let lost = 0
  for (let i = 0; i < Number(times); i++) if (Option.isNone(yield* add)) lost += 1
  process.stdout.write(`lost ${lost}\n`)
})
await Effect.runPromise(Effect.scoped(program))
