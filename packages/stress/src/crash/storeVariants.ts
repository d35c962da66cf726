/** Who saves: our store, or one that leaves out what makes a save safe. */
import * as Token from "@countersign/auth/Token"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { rename, writeFile } from "node:fs/promises"

/** The key of the one record. */
export const key = "account"

/** What every secret of this case begins with. */
export const canary = "canary-"

/** A token that says of which version it is; as long as those that hold claims are. */
export const tokenOf = (version: number): Token.Token => ({
  ...Token.bearer(Redacted.make(`${canary}${"x".repeat(2000)}-${version}`), 0),
  refreshToken: Redacted.make(`${canary}refresh-${version}`)
})

/** Stores version `next`, and is done when it is durable. */
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

/** Writes the file where it is. */
const inPlace = (path: string): Effect.Effect<Save> =>
  Effect.succeed((version) => Effect.tryPromise(() => writeFile(path, fileOf(version), { mode: 0o600 })))

/** Has a temporary file that nobody clears away. */
const untidy = (path: string): Effect.Effect<Save> =>
  Effect.succeed((version) =>
    Effect.tryPromise(async () => {
      await writeFile(`${path}.new`, fileOf(version), { mode: 0o600 })
      await rename(`${path}.new`, path)
    })
  )

/** Says that it is done when it has begun. */
const hasty = (path: string): Effect.Effect<Save, unknown> =>
  Effect.map(ours(path), (save) => {
    let saving: Fiber.Fiber<void, unknown> = Fiber.void
    return (next) =>
      Effect.zipRight(
        Effect.suspend(() => Fiber.join(saving)),
        Effect.map(Effect.forkDaemon(save(next)), (begun) => void (saving = begun))
      )
  })

/** All, by name. */
export const writers = { ours, inPlace, untidy, hasty } as const

/** The name of one. */
export type Writer = keyof typeof writers
