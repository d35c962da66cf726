/** Pending sign-ins in a `KeyValueStore`: one record for each session, with all its transactions. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as Mutex from "@countersign/client/Mutex"
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { TokenError } from "../../Errors.js"
import { sha256 } from "../hash/sha256.js"
import { Transaction } from "./transaction.js"

const Record = Schema.parseJson(Schema.Array(Transaction))

/** A session is a secret, and the name of a record may be visible to more readers than its content. */
const keyOf = (session: string): string => `countersign/sign-in/${Encoding.encodeHex(sha256(session))}`

/** The reason only, because the description may contain the content of the record. */
const causeOf = (error: PlatformError): string => (error._tag === "SystemError" ? error.reason : error._tag)

const notStored = (error: PlatformError): InvalidRequest =>
  new InvalidRequest({
    reason: "Options",
    detail: `the pending sign-in was not stored (${causeOf(error)}). Check the KeyValueStore of \`TransactionStore\`.`
  })

const notRead = (error: PlatformError): TokenError =>
  new TokenError({
    reason: "Unavailable",
    detail: `the pending sign-in was not read (${causeOf(error)}). Check the KeyValueStore of \`TransactionStore\``
  })

/** The result of a change, and the transactions that are left. Undefined if nothing changes. */
interface Change<out A> {
  readonly result: A
  readonly left: ReadonlyArray<Transaction> | undefined
}

/** Transactions of sessions, in a store that may be shared. */
export class StoredTransactions {
  readonly #store: KeyValueStore.KeyValueStore
  readonly #maxEntries: number
  readonly #mutex = Mutex.makeKeyed()

  /** @param maxEntries - maximum number of transactions of a session. */
  constructor(store: KeyValueStore.KeyValueStore, maxEntries: number) {
    this.#store = store
    this.#maxEntries = maxEntries
  }

  put(session: string, transaction: Transaction): Effect.Effect<void, InvalidRequest> {
    return this.#change(session, (pending) => ({
      result: undefined,
      left: [...pending.filter(({ state }) => state !== transaction.state), transaction].slice(-this.#maxEntries)
    })).pipe(Effect.mapError(notStored))
  }

  /** Removes and returns the transaction with a state. */
  take(session: string, state: string): Effect.Effect<Transaction | undefined, TokenError> {
    return this.#change(session, (pending) => {
      const result = pending.find((transaction) => transaction.state === state)
      return { result, left: result && pending.filter((transaction) => transaction !== result) }
    }).pipe(Effect.mapError(notRead))
  }

  /** Changes the unexpired transactions of a session. A record without transactions is removed. */
  #change<A>(
    session: string,
    change: (pending: ReadonlyArray<Transaction>) => Change<A>
  ): Effect.Effect<A, PlatformError> {
    const key = keyOf(session)
    return this.#mutex.withLock(key)(
      Effect.gen(this, function* () {
        const { pending, stored } = yield* this.#read(key)
        const { left = pending, result } = change(pending)
        if (left.length === stored && left === pending) return result
        if (left.length === 0) yield* this.#store.remove(key)
        else yield* this.#store.set(key, Schema.encodeSync(Record)(left))
        return result
      })
    )
  }

  /**
   * The unexpired transactions, and the number of all that are stored. A damaged record has no transactions: the user starts
   * another sign-in.
   */
  #read(
    key: string
  ): Effect.Effect<{ readonly pending: ReadonlyArray<Transaction>; readonly stored: number }, PlatformError> {
    return Effect.gen(this, function* () {
      const text = yield* this.#store.get(key)
      const now = yield* Clock.currentTimeMillis
      const decoded = Option.flatMap(text, (json) => Schema.decodeOption(Record)(json))
      const stored = Option.getOrElse(decoded, () => [])
      return { pending: stored.filter(({ expiresAt }) => now < expiresAt), stored: stored.length }
    })
  }
}
