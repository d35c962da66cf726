/** Runs the contract of token stores with the file store, and with encrypted tokens in memory. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Encrypted } from "./support/encryptedStore.js"
import { key } from "./support/encryptedStore.js"
import { file } from "./support/fileStore.js"

const runner = { describe, it }

TokenStoreContract.register(runner, "FileTokenStore", file)

TokenStoreContract.register(runner, "EncryptedTokenStore in memory", {
  place: Effect.zip(TokenStore.makeMemory, key),
  open: ([inner, key]: Encrypted<TokenStore.Service>) => EncryptedTokenStore.make(inner, { storeId: "app", key }),
  isShared: true
})
