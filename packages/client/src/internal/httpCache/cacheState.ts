/** The state of a cache. */
import * as Effect from "effect/Effect"
import type { CallContext } from "../call/context.js"
import { deadlineAt, inFiber, publish } from "../call/context.js"
import { boundBy } from "../call/externalCode.js"
import { isImmediate } from "../call/immediate.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import { Background } from "./background.js"
import { Flights } from "./flights.js"
import { Invalidations } from "./invalidations.js"
import type { CacheClient } from "./cacheClient.js"
import type { Store } from "./store.js"

/** The account of a call. Undefined if its responses are neither stored nor served. */
export type AccountOf = (client: CacheClient) => Effect.Effect<string | undefined>

export interface Cache {
  readonly store: Store
  readonly flights: Flights
  readonly invalidations: Invalidations
  readonly background: Background
  readonly accountOf: AccountOf
}

export const makeCache = (store: Store, accountOf: AccountOf): Cache => ({
  store,
  accountOf,
  flights: new Flights(),
  invalidations: new Invalidations(),
  background: new Background()
})

/** Longest time of a store for one operation, in milliseconds. */
const maxStoreMs = 5000

/**
 * Runs an operation of the store, within the deadline of the call. One that hangs counts as failed, and gives `otherwise`: no
 * call fails because of its cache.
 */
export const runStore = <A>(
  { store }: Cache,
  operation: Effect.Effect<A>,
  otherwise: A,
  context: CallContext
): Effect.Effect<A> =>
  isImmediate(store)
    ? operation
    : Effect.withFiberRuntime((fiber) => {
        const limit = Math.min(unsafeMonotonicNow(fiber) + maxStoreMs, deadlineAt(context))
        const published = publish(operation, { ...inFiber(context, fiber), enforced: context.deadline })
        return boundBy(published, limit, Effect.succeed(otherwise))
      })

/** Removes everything, also what is under way. */
export const clear = ({ invalidations, store }: Cache): Effect.Effect<void> =>
  Effect.suspend(() => {
    invalidations.clear()
    return store.clear
  })
