// #region contract
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "vitest"
import * as CustomTokenStore from "../src/custom-token-store.js"

/** A table, and the folder for its locks. */
const place = Effect.acquireRelease(
  Effect.sync(() => ({ rows: new Map<string, string>(), folder: mkdtempSync(join(tmpdir(), "tokens-")) })),
  ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const open = ({ folder, rows }: Effect.Effect.Success<typeof place>) =>
  CustomTokenStore.make(
    {
      select: (name) => Promise.resolve(rows.get(name) ?? null),
      upsert: (name, text) => Promise.resolve(void rows.set(name, text))
    },
    folder
  )

TokenStoreContract.register({ describe, it }, "our table", { place, open, isShared: true })
// #endregion
