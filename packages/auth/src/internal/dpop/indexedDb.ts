/** DPoP key pairs in IndexedDB, which stores keys that no script can export. */
import type { InvalidRequest } from "@countersign/client/Errors"
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

interface Transaction {
  readonly objectStore: (name: string) => ObjectStore
  readonly error: unknown
  oncomplete: (() => void) | null
  onabort: (() => void) | null
}

interface Database {
  readonly createObjectStore: (name: string) => unknown
  readonly transaction: (name: string, mode: "readonly" | "readwrite") => Transaction
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

/**
 * Opens the database. It waits while another tab deletes it, so a caller can be interrupted. A database that opens after that is
 * closed at once.
 */
const open = (indexedDb: IndexedDb): Effect.Effect<Database, TokenStoreError> =>
  Effect.async((resume) => {
    let isInterrupted = false
    let opened: Database | undefined
    try {
      const request = indexedDb.open(database, 1)
      request.onupgradeneeded = () => void request.result.createObjectStore(table)
      request.onsuccess = () => {
        opened = request.result
        if (isInterrupted) opened.close()
        else resume(Effect.succeed(opened))
      }
      request.onerror = () => resume(Effect.fail(failed(request.error)))
    } catch (cause) {
      resume(Effect.fail(failed(cause)))
    }
    return Effect.sync(() => {
      isInterrupted = true
      opened?.close()
    })
  })

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

/** Adds a key. It is stored when the transaction completes: that fails later than `add`, such as when the disk is full. */
const addKey = (db: Database, name: string, { privateKey, publicKey }: Key): Effect.Effect<void, TokenStoreError> =>
  Effect.async((resume) => {
    try {
      const transaction = db.transaction(table, "readwrite")
      transaction.oncomplete = () => resume(Effect.void)
      transaction.onabort = () => resume(Effect.fail(failed(transaction.error)))
      transaction.objectStore(table).add({ privateKey, publicKey }, name)
    } catch (cause) {
      resume(Effect.fail(failed(cause)))
    }
  })

/**
 * The stored key, or a new one. `add` fails if another tab has stored a key meanwhile, and then that one is returned.
 *
 * @param generate - makes a key pair.
 */
export const readOrAdd = (
  indexedDb: IndexedDb,
  name: string,
  generate: Effect.Effect<Key, InvalidRequest>
): Effect.Effect<Key, InvalidRequest | TokenStoreError> => {
  const use = (db: Database) =>
    Effect.gen(function* () {
      const found = yield* readKey(db, name)
      if (found !== undefined) return found
      const key = yield* generate
      return yield* Effect.matchEffect(addKey(db, name, key), {
        onSuccess: () => Effect.succeed(key),
        onFailure: (error) =>
          Effect.flatMap(readKey(db, name), (stored) => (stored === undefined ? error : Effect.succeed(stored)))
      })
    })
  return Effect.acquireUseRelease(Effect.interruptible(open(indexedDb)), use, (db) => Effect.sync(() => db.close()))
}
