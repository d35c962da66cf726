/** Runs the contract of token stores with encrypted tokens in a file. */
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Encrypted } from "./support/encryptedStore.js"
import { key } from "./support/encryptedStore.js"
import { bytes, disk, file, path } from "./support/fileStore.js"

TokenStoreContract.register({ describe, it }, "EncryptedTokenStore over FileTokenStore", {
  ...file,
  place: Effect.zip(path, key),
  open: ([path, key]: Encrypted<string>) =>
    Effect.flatMap(FileTokenStore.make({ path }), (inner) => EncryptedTokenStore.make(inner, { storeId: "app", key })),
  bytes: ([path]: Encrypted<string>) => bytes(path),
  disk,
  // The process that is killed writes unencrypted records.
  kill: undefined
})
