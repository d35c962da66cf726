/**
 * The sign-ins that the users of a web application have begun, until they come back.
 *
 * @since 0.1.0
 */
import { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Transaction } from "./AuthorizationCode.js"

/**
 * Where they are kept: by the browser that began each, so that no other one can end it. `session` is a secret of that
 * browser: the value of its session cookie, or of one that is made for the sign-in (random, `HttpOnly`, `Secure`,
 * `SameSite=Lax`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Keeps one that was begun. Fails with `InvalidRequest` where the session is empty, as that of nobody in particular. */
  readonly put: (session: string, transaction: Transaction) => Effect.Effect<void, InvalidRequest>
  /**
   * Gives the one that a callback belongs to, by its `state`, and forgets it: it is given once. Fails with `TokenError`
   * (`InvalidResponse`) where this browser has begun no such sign-in, or not lately.
   */
  readonly take: (session: string, callback: URLSearchParams) => Effect.Effect<Transaction, TokenError>
}

/**
 * The sign-ins that were begun.
 *
 * @since 0.1.0
 * @category tags
 */
export class TransactionStore
  extends /* @__PURE__ */ Context.Tag("@countersign/auth/TransactionStore")<TransactionStore, Service>() {}

/**
 * How many are kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Most transactions of all sessions (10 000). Beyond that, the oldest transaction of the session that has most of them is
   * removed.
   */
  readonly maxEntries?: number | undefined
  /** Most transactions of one session (20). Beyond that, its oldest one is removed. */
  readonly maxEntriesPerSession?: number | undefined
}

const nobodys = new InvalidRequest({
  reason: "Credentials",
  detail: "a sign-in is begun by a browser, and the session that was named is that of none: give it a cookie first"
})

const unknown = new TokenError({
  reason: "InvalidResponse",
  detail: "this browser has begun no such sign-in, or it was ended, or took too long: begin another one"
})

/** The transactions of a session by their `state`, the oldest one first. */
type Session = Map<string, Transaction>

const oldestOf = (session: Session): string => [...session.keys()][0] ?? ""

/** Transactions by session, within bounds. Each has as long, so the oldest one of a session expires first. */
class Sessions {
  private readonly sessions = new Map<string, Session>()
  private readonly maxEntries: number
  private readonly maxEntriesPerSession: number
  private size = 0

  constructor(maxEntries: number, maxEntriesPerSession: number) {
    this.maxEntries = maxEntries
    this.maxEntriesPerSession = maxEntriesPerSession
  }

  put(id: string, transaction: Transaction): void {
    this.remove(id, transaction.state)
    const session = this.sessions.get(id) ?? new Map<string, Transaction>()
    session.set(transaction.state, transaction)
    this.sessions.set(id, session)
    this.size += 1
    if (session.size > this.maxEntriesPerSession) this.remove(id, oldestOf(session))
    if (this.size > this.maxEntries) this.removeOldestOfLargest()
  }

  take(id: string, state: string): Transaction | undefined {
    const transaction = this.sessions.get(id)?.get(state)
    if (transaction !== undefined) this.remove(id, state)
    return transaction
  }

  removeExpired(now: number): void {
    for (const [id, session] of this.sessions) {
      for (const { expiresAt, state } of session.values()) {
        if (now < expiresAt) break
        this.remove(id, state)
      }
    }
  }

  private remove(id: string, state: string): void {
    const session = this.sessions.get(id)
    if (session?.delete(state) !== true) return
    this.size -= 1
    if (session.size === 0) this.sessions.delete(id)
  }

  /** A session with many transactions gives way before sessions with one. Among equals, the first session does. */
  private removeOldestOfLargest(): void {
    let largest: readonly [string, Session] | undefined
    for (const entry of this.sessions) if (entry[1].size > (largest?.[1].size ?? 0)) largest = entry
    if (largest !== undefined) this.remove(largest[0], oldestOf(largest[1]))
  }
}

/**
 * Keeps transactions in the memory of this process: for an application with one process, or with sessions that stay at one
 * process. Other applications keep `Transaction` in their sessions, for which it can be encoded.
 *
 * One session cannot remove the transactions of others. A client without cookies begins a session with each request, so
 * limit the rate of the route that begins sign-ins, or keep each `Transaction` in an encrypted cookie.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = ({ maxEntries = 10_000, maxEntriesPerSession = 20 }: Options = {}): Effect.Effect<Service> =>
  Effect.sync(() => {
    const sessions = new Sessions(maxEntries, maxEntriesPerSession)
    let sweptAt = Number.NEGATIVE_INFINITY
    /** At most once a second: it looks at each session. */
    const sweep = (now: number) => {
      if (now >= sweptAt && now < sweptAt + 1000) return
      sweptAt = now
      sessions.removeExpired(now)
    }
    return {
      put: (session, transaction) =>
        session === ""
          ? Effect.fail(nobodys)
          : Effect.map(Clock.currentTimeMillis, (now) => {
              sweep(now)
              sessions.put(session, transaction)
            }),
      take: (session, callback) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          sweep(now)
          const transaction = sessions.take(session, callback.get("state") ?? "")
          return transaction === undefined || now >= transaction.expiresAt
            ? Effect.fail(unknown)
            : Effect.succeed(transaction)
        })
    }
  })

/**
 * {@link makeMemory} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options?: Options): Layer.Layer<TransactionStore> =>
  Layer.effect(TransactionStore, makeMemory(options))
