/** Runs the contract of token stores with the keychain, on gnome-keyring. */
import * as KeychainTokenStore from "@countersign/node/KeychainTokenStore"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll } from "vitest"
import { folder } from "./support/folder.js"
import type { Session } from "./support/secretService.js"
import { missing, openSession } from "./support/secretService.js"

describe.skipIf(missing.length > 0)(
  `gnome-keyring${missing.length > 0 ? ` (missing: ${missing.join(", ")})` : ""}`,
  () => {
    let session: Session
    let last = 0
    beforeAll(async () => {
      session = await openSession()
      await session.start("unlocked")
    })
    afterAll(() => session.close())

    TokenStoreContract.register({ describe, it }, "KeychainTokenStore", {
      place: Effect.map(folder, (lockDirectory) => ({ service: `countersign-contract-${++last}`, lockDirectory })),
      open: KeychainTokenStore.make,
      isShared: true
    })
  }
)
