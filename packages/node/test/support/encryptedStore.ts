import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as Effect from "effect/Effect"

/** Where encrypted records are, and their key. */
export type Encrypted<Place> = readonly [place: Place, key: EncryptionKey.EncryptionKey]

/** A new key. */
export const key = Effect.flatMap(EncryptionKey.generate, EncryptionKey.fromBase64)
