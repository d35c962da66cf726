/** The files that a killed process has left. */
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { readdirSync, readFileSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { canary, key, tokenOf } from "./storeVariants.js"

/** Result of an inspection. */
export interface CrashInspection {
  /** The stored version, 0 for none. */
  readonly version: number
  /** The file is unreadable, or its token is not that of its version. */
  readonly isTorn: boolean
  /** Other files after the kill, after the next start, and those of the latter with secrets. */
  readonly left: number
  readonly strays: number
  readonly secrets: number
}

const beside = (path: string): ReadonlyArray<string> =>
  readdirSync(dirname(path)).filter((name) => name !== basename(path))

const isWhole = (
  stored: Option.Option<{ readonly token: ReturnType<typeof tokenOf>; readonly version: number }>
): boolean =>
  Option.match(stored, {
    onNone: () => true,
    onSome: ({ token, version }) => Redacted.value(token.accessToken) === Redacted.value(tokenOf(version).accessToken)
  })

/** Counts other files, opens the store, and counts them again. */
export const inspect = (path: string): Effect.Effect<CrashInspection> =>
  Effect.gen(function* () {
    const left = beside(path).length
    const stored = yield* Effect.either(
      Effect.flatMap(FileTokenStore.make({ path, lockTimeout: "2 seconds" }), (store) => store.get(key))
    )
    const names = beside(path)
    const secrets = names.filter((name) => readFileSync(join(dirname(path), name), "latin1").includes(canary))
    const found = { left, strays: names.length, secrets: secrets.length }
    if (stored._tag === "Left") return { ...found, version: 0, isTorn: true }
    const version = Option.match(stored.right, { onNone: () => 0, onSome: ({ version }) => version })
    return { ...found, version, isTorn: !isWhole(stored.right) }
  })

/** Removes all files. */
export const clear = (path: string): void => {
  for (const name of readdirSync(dirname(path))) rmSync(join(dirname(path), name))
}
