/** Writers: our store, and faulty ones that omit a step. */
import * as Token from "@countersign/auth/Token"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { rename, writeFile } from "node:fs/promises"

/** Key of the only record. */
export const key = "account"

/** Start of every secret of this case. */
export const canary = "canary-"

/** A token that contains its version. It is as long as a token with claims. */
export const tokenOf = (version: number): Token.Token => ({
  ...Token.bearer(Redacted.make(`${canary}${"x".repeat(2000)}-${version}`), 0),
  refreshToken: Redacted.make(`${canary}refresh-${version}`)
})

/** Stores version `next`. Completes when it is durable. */
type Save = (next: number) => Effect.Effect<void, unknown>

const ours = (path: string): Effect.Effect<Save, unknown> =>
  Effect.map(
    FileTokenStore.make({ path }),
    (store) => (next) =>
      Effect.flatMap(store.compareAndSet(key, next - 1, tokenOf(next)), (stored) =>
        Option.isSome(stored) && stored.value.version === next ? Effect.void : Effect.fail("another version was stored")
      )
  )

const encode = Schema.encodeSync(Token.Token)

const fileOf = (version: number): string => {
  const records = { [key]: { version, token: encode(tokenOf(version)) } }
  return JSON.stringify({ format: "countersign/tokens", version: 1, records })
}

/** Overwrites the file in place. */
const overwritesFile = (path: string): Effect.Effect<Save> =>
  Effect.succeed((version) => Effect.tryPromise(() => writeFile(path, fileOf(version), { mode: 0o600 })))

/** Uses a temporary file and never removes it. */
const leavesTemporaryFile = (path: string): Effect.Effect<Save> =>
  Effect.succeed((version) =>
    Effect.tryPromise(async () => {
      await writeFile(`${path}.new`, fileOf(version), { mode: 0o600 })
      await rename(`${path}.new`, path)
    })
  )

/** Acknowledges a write when it has only started. */
const acknowledgesEarly = (path: string): Effect.Effect<Save, unknown> =>
  Effect.map(ours(path), (save) => {
    let saving: Fiber.Fiber<void, unknown> = Fiber.void
    return (next) =>
      Effect.zipRight(
        Effect.suspend(() => Fiber.join(saving)),
        Effect.map(Effect.forkDaemon(save(next)), (begun) => void (saving = begun))
      )
  })

/** Writers by name. */
export const writers = { ours, overwritesFile, leavesTemporaryFile, acknowledgesEarly } as const

/** Name of a writer. */
export type Writer = keyof typeof writers
