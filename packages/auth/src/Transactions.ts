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
export class Transactions
  extends /* @__PURE__ */ Context.Tag("@countersign/auth/Transactions")<Transactions, Service>() {}

/**
 * How many are kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Those that were begun first are forgotten where there are more (10 000). */
  readonly most?: number | undefined
}

const nobodys = new InvalidRequest({
  reason: "Credentials",
  detail: "a sign-in is begun by a browser, and the session that was named is that of none: give it a cookie first"
})

const unknown = new TokenError({
  reason: "InvalidResponse",
  detail: "this browser has begun no such sign-in, or it was ended, or took too long: begin another one"
})

const keyOf = (session: string, state: string): string => JSON.stringify([session, state])

/**
 * Keeps them in the memory of this process: for an application that runs once, or whose users come back to the process
 * that they began at. Others keep `Transaction` in their own sessions, for which it can be encoded.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = ({ most = 10_000 }: Options = {}): Effect.Effect<Service> =>
  Effect.sync(() => {
    const kept = new Map<string, Transaction>()
    // They were begun in this order, and each has as long.
    const forget = (now: number) => {
      for (const [key, { expiresAt }] of kept) {
        if (now < expiresAt && kept.size <= most) return
        kept.delete(key)
      }
    }
    return {
      put: (session, transaction) =>
        session === ""
          ? Effect.fail(nobodys)
          : Effect.map(Clock.currentTimeMillis, (now) => {
              kept.set(keyOf(session, transaction.state), transaction)
              forget(now)
            }),
      take: (session, callback) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          forget(now)
          const key = keyOf(session, callback.get("state") ?? "")
          const transaction = kept.get(key)
          kept.delete(key)
          return transaction === undefined ? Effect.fail(unknown) : Effect.succeed(transaction)
        })
    }
  })

/**
 * {@link makeMemory} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options?: Options): Layer.Layer<Transactions> =>
  Layer.effect(Transactions, makeMemory(options))
