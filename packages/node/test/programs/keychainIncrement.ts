// Adds one to the number in the keychain, `times` times. `withLock` alone keeps the count right.
import * as Token from "@countersign/auth/Token"
import * as KeychainTokenStore from "@countersign/node/KeychainTokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

const [service = "", lockDirectory = "", times = "0"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const store = yield* KeychainTokenStore.make({ service, lockDirectory, lockTimeout: "1 minute", timeout: "1 minute" })
  const add = Effect.gen(function* () {
    const stored = yield* store.get("count")
    const [count, version] = Option.match(stored, {
      onNone: () => [0, 0] as const,
      onSome: ({ token, version }) => [Number(Redacted.value(token.accessToken)), version] as const
    })
    return yield* store.compareAndSet("count", version, Token.bearer(Redacted.make(String(count + 1)), 0))
  }).pipe(store.withLock("count"))
  let lost = 0
  for (let i = 0; i < Number(times); i++) if (Option.isNone(yield* add)) lost += 1
  process.stdout.write(`lost ${lost}\n`)
})
await Effect.runPromise(program)
