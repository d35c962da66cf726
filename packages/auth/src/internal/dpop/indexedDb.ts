/** DPoP key pairs in IndexedDB, which stores keys that no script can export. */
import * as Effect from "effect/Effect"
import { TokenStoreError } from "../../Errors.js"
import type { Key } from "./proof.js"

/** A request of IndexedDB. The types of the DOM are not part of this package. */
interface Request<out A> {
  readonly result: A
  readonly error: unknown
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}

interface ObjectStore {
  readonly get: (key: string) => Request<unknown>
  readonly add: (value: unknown, key: string) => Request<unknown>
}

interface Database {
  readonly createObjectStore: (name: string) => unknown
  readonly transaction: (
    name: string,
    mode: "readonly" | "readwrite"
  ) => {
    readonly objectStore: (name: string) => ObjectStore
  }
  readonly close: () => void
}

interface OpenRequest extends Request<Database> {
  onupgradeneeded: (() => void) | null
}

/** See `DpopKey.IndexedDb`. */
export interface IndexedDb {
  readonly open: (name: string, version: number) => OpenRequest
}

const database = "countersign"
const table = "dpop-keys"

const failed = (cause: unknown): TokenStoreError =>
  new TokenStoreError({
    reason: "ReadFailed",
    detail: `IndexedDB failed: ${cause instanceof Error ? cause.name : "unknown error"}. Check that the site may store data.`
  })

/** Waits for a request. Its error is the failure. */
const settled = <A>(send: () => Request<A>): Effect.Effect<A, TokenStoreError> =>
  Effect.async((resume) => {
    try {
      const request = send()
      request.onsuccess = () => resume(Effect.succeed(request.result))
      request.onerror = () => resume(Effect.fail(failed(request.error)))
    } catch (cause) {
      resume(Effect.fail(failed(cause)))
    }
  })

const opened = (indexedDb: IndexedDb) =>
  Effect.acquireRelease(
    settled(() => {
      const request = indexedDb.open(database, 1)
      request.onupgradeneeded = () => void request.result.createObjectStore(table)
      return request
    }),
    (db) => Effect.sync(() => db.close())
  )

/** A record may have been written by another version, or by another script of the site. */
const isKey = (value: unknown): value is Key =>
  typeof value === "object" &&
  value !== null &&
  "privateKey" in value &&
  "publicKey" in value &&
  value.privateKey instanceof CryptoKey &&
  value.publicKey instanceof CryptoKey

const notAKey = new TokenStoreError({
  reason: "UnsupportedFormat",
  detail: `the record in the database "${database}" of IndexedDB is not a DPoP key. Delete the database.`
})

/** The stored key. Undefined without a record. */
const readKey = (db: Database, name: string): Effect.Effect<Key | undefined, TokenStoreError> =>
  Effect.flatMap(
    settled(() => db.transaction(table, "readonly").objectStore(table).get(name)),
    (value) => (value === undefined || isKey(value) ? Effect.succeed(value) : Effect.fail(notAKey))
  )

const addKey = (db: Database, name: string, { privateKey, publicKey }: Key): Effect.Effect<unknown, TokenStoreError> =>
  settled(() => db.transaction(table, "readwrite").objectStore(table).add({ privateKey, publicKey }, name))

/**
 * The stored key, or a new one. `add` fails if another tab has stored a key meanwhile, and then that one is returned.
 *
 * @param generate - makes a key pair.
 */
export const readOrAdd = (
  indexedDb: IndexedDb,
  name: string,
  generate: Effect.Effect<Key>
): Effect.Effect<Key, TokenStoreError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const db = yield* opened(indexedDb)
      const found = yield* readKey(db, name)
      if (found !== undefined) return found
      const key = yield* generate
      return yield* Effect.matchEffect(addKey(db, name, key), {
        onSuccess: () => Effect.succeed(key),
        onFailure: (error) =>
          Effect.flatMap(readKey(db, name), (stored) => (stored === undefined ? error : Effect.succeed(stored)))
      })
    })
  )
