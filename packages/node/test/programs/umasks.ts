// Stores a token under many umasks, as the user with the given id. Prints the number of umasks for each result.
import * as Token from "@countersign/auth/Token"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import fs from "node:fs"
import { dirname, join } from "node:path"

const [folder = "", user = "", digits = "01234567"] = process.argv.slice(2)
if (user !== String(process.getuid?.())) {
  process.setgid?.(Number(user))
  process.setuid?.(Number(user))
}

const modeOf = (path: string) => (fs.statSync(path).mode & 0o7777).toString(8)

/** Modes of the outer folder, the inner folder, the file and the lock. */
const under = (umask: number) =>
  Effect.gen(function* () {
    const path = join(folder, umask.toString(8), "inner", "tokens.json")
    process.umask(umask)
    const store = yield* FileTokenStore.make({ path, lockTimeout: 0 })
    for (const version of [0, 1]) yield* store.compareAndSet("key", version, Token.bearer(Redacted.make("canary"), 0))
    const lock = yield* store.withLock("key")(
      Effect.sync(() => fs.readdirSync(dirname(path)).filter((name) => name.endsWith(".lock"))).pipe(
        Effect.map((names) => names.map((name) => modeOf(join(dirname(path), name))).join())
      )
    )
    return [modeOf(dirname(dirname(path))), modeOf(dirname(path)), modeOf(path), lock].join(" ")
  }).pipe(Effect.catchAll((error) => Effect.succeed(error.message.replaceAll(/"[^"]*"/g, "…"))))

const program = Effect.gen(function* () {
  const results = new Map<string, number>()
  for (let umask = 0; umask <= 0o777; umask++) {
    const octal = umask.toString(8).padStart(3, "0")
    if (![...octal].every((digit) => digits.includes(digit))) continue
    const result = yield* under(umask)
    results.set(result, (results.get(result) ?? 0) + 1)
  }
  for (const [result, times] of results) process.stdout.write(`${times}: ${result}\n`)
})
await Effect.runPromise(program)
