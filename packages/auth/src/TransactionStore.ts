/**
 * Store of the pending sign-ins of a web application, from the redirect to the authorization server until the callback.
 *
 * @since 0.1.0
 */
import { InvalidRequest } from "@countersign/client/Errors"
import { ExpiringMap } from "@countersign/client/ExpiringMap"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { TokenError } from "./Errors.js"
import { StoredTransactions } from "./internal/authorizationCode/storedTransactions.js"
import * as OptionNames from "./internal/options/optionNames.js"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Transaction } from "./AuthorizationCode.js"

/**
 * Stores the transactions of pending sign-ins by browser session, so that another browser cannot complete them.
 *
 * `session` is a secret of the browser: the value of its session cookie, or of a cookie for the sign-in (random, `HttpOnly`,
 * `Secure`, `SameSite=Lax`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Stores a transaction. Fails with `InvalidRequest` if `session` is empty, because all browsers would share it. */
  readonly put: (session: string, transaction: Transaction) => Effect.Effect<void, InvalidRequest>
  /**
   * Removes and returns the transaction with the `state` of a callback, so that it is used once. Fails with `TokenError`
   * (`InvalidResponse`) if this session has no such transaction, or if it has expired.
   */
  readonly take: (session: string, callback: URLSearchParams) => Effect.Effect<Transaction, TokenError>
}

/**
 * Context tag of the store of pending sign-ins.
 *
 * @since 0.1.0
 * @category tags
 */
export class TransactionStore
  extends /* @__PURE__ */ Context.Tag("@countersign/auth/TransactionStore")<TransactionStore, Service>() {}

/**
 * Options of {@link makeMemory}: the maximum numbers of transactions.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Maximum number of transactions of all sessions (10 000). If it is exceeded, the oldest transaction of the session with
   * the most transactions is removed.
   */
  readonly maxEntries?: number | undefined
  /** Maximum number of transactions of one session (20). If it is exceeded, the oldest one is removed. */
  readonly maxEntriesPerSession?: number | undefined
}

const names: OptionNames.ShapeOf<Options> = { maxEntries: "count", maxEntriesPerSession: "count" }

const emptySession = new InvalidRequest({
  reason: "Credentials",
  detail: "the session id is empty. Set a session cookie before you call `TransactionStore.put`."
})

const unknownTransaction = new TokenError({
  reason: "InvalidResponse",
  detail:
    "no pending sign-in with this `state` in this session: it was completed, has expired, or belongs to another browser. Start a new sign-in"
})

const defaultEntriesPerSession = 20

/** The transactions of a session by their `state`. All have the same lifetime. */
type Session = ExpiringMap<Transaction>

/** Transactions by session, within the limits. */
class Sessions {
  private readonly sessions = new Map<string, Session>()
  private readonly maxEntries: number
  private readonly maxEntriesPerSession: number
  private size = 0

  constructor(maxEntries: number, maxEntriesPerSession: number) {
    this.maxEntries = maxEntries
    this.maxEntriesPerSession = maxEntriesPerSession
  }

  put(id: string, transaction: Transaction, now: number): void {
    const session: Session = this.sessions.get(id) ?? new ExpiringMap(this.maxEntriesPerSession)
    this.sessions.set(id, session)
    this.edit(id, session, () => session.set(transaction.state, transaction, transaction.expiresAt, now))
    if (this.size > this.maxEntries) this.removeOldestOfLargest(now)
  }

  take(id: string, state: string, now: number): Transaction | undefined {
    const session = this.sessions.get(id)
    const transaction = session?.get(state, now)
    if (session !== undefined) this.edit(id, session, () => session.delete(state))
    return transaction
  }

  removeExpired(now: number): void {
    for (const [id, session] of this.sessions) this.edit(id, session, () => session.trim(now))
  }

  private edit(id: string, session: Session, change: () => void): void {
    this.size -= session.size
    change()
    this.size += session.size
    if (session.size === 0) this.sessions.delete(id)
  }

  /** Removes from the session with the most transactions. Among equals, from the first session. */
  private removeOldestOfLargest(now: number): void {
    let largest: readonly [string, Session] | undefined
    for (const entry of this.sessions) if (entry[1].size > (largest?.[1].size ?? 0)) largest = entry
    if (largest === undefined) return
    const [id, session] = largest
    this.edit(id, session, () => session.trim(now, session.size - 1))
  }
}

/**
 * Makes a store in the memory of this process, for an application with one process or with sticky sessions. Other
 * applications encode `Transaction` and store it in their sessions.
 *
 * Transactions of one session cannot evict those of other sessions. A client without cookies starts a session with each
 * request, so limit the rate of the route that starts sign-ins, or store each `Transaction` in an encrypted cookie.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (options: Options = {}): Effect.Effect<Service> =>
  Effect.sync(() => {
    OptionNames.known("`TransactionStore`", options, names)
    const { maxEntries = 10_000, maxEntriesPerSession = defaultEntriesPerSession } = options
    const sessions = new Sessions(maxEntries, maxEntriesPerSession)
    let sweptAt = Number.NEGATIVE_INFINITY
    /** At most once per second, because it iterates over all sessions. */
    const sweep = (now: number) => {
      if (now >= sweptAt && now < sweptAt + 1000) return
      sweptAt = now
      sessions.removeExpired(now)
    }
    return {
      put: (session, transaction) =>
        session === ""
          ? Effect.fail(emptySession)
          : Effect.map(Clock.currentTimeMillis, (now) => {
              sweep(now)
              sessions.put(session, transaction, now)
            }),
      take: (session, callback) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          sweep(now)
          const transaction = sessions.take(session, callback.get("state") ?? "", now)
          return transaction === undefined ? Effect.fail(unknownTransaction) : Effect.succeed(transaction)
        })
    }
  })

/**
 * Layer with a store of pending sign-ins in memory, see {@link makeMemory}.
 *
 * @example
 * import * as TransactionStore from "@countersign/auth/TransactionStore"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const { take } = yield* TransactionStore.TransactionStore
 *   return yield* take("session-id", new URLSearchParams("state=abc&code=def"))
 * }).pipe(Effect.provide(TransactionStore.layerMemory()))
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options?: Options): Layer.Layer<TransactionStore> =>
  Layer.effect(TransactionStore, makeMemory(options))

/**
 * Options of {@link layerKeyValueStore}: the maximum number of transactions.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoreOptions {
  /** Maximum number of transactions of one session (20). If it is exceeded, the oldest one is removed. */
  readonly maxEntriesPerSession?: number | undefined
}

const storeNames: OptionNames.ShapeOf<StoreOptions> = { maxEntriesPerSession: "count" }

/**
 * Layer with a store of pending sign-ins in the `KeyValueStore` of the context: a database of several processes, or the
 * `sessionStorage` of a browser tab.
 *
 * The records contain PKCE verifiers, which are not encrypted. In a browser the tab is the session, so any constant text
 * identifies it. Changes of one session exclude each other within a process. Two processes that take one transaction at the
 * same time may both get it, and the authorization server accepts its code once.
 *
 * `put` fails with `InvalidRequest`, and `take` with `TokenError` (`Unavailable`), when the store fails. A damaged record counts as
 * empty.
 *
 * @param options - the maximum number of transactions.
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore = (
  options: StoreOptions = {}
): Layer.Layer<TransactionStore, never, KeyValueStore.KeyValueStore> =>
  Layer.effect(
    TransactionStore,
    Effect.map(KeyValueStore.KeyValueStore, (store) => {
      OptionNames.known("`TransactionStore.layerKeyValueStore`", options, storeNames)
      const { maxEntriesPerSession = defaultEntriesPerSession } = options
      const transactions = new StoredTransactions(store, maxEntriesPerSession)
      return {
        put: (session, transaction) =>
          session === "" ? Effect.fail(emptySession) : transactions.put(session, transaction),
        take: (session, callback) =>
          Effect.flatMap(transactions.take(session, callback.get("state") ?? ""), (taken) =>
            taken === undefined ? Effect.fail(unknownTransaction) : Effect.succeed(taken)
          )
      }
    })
  )
