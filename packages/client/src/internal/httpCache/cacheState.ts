/** The state of a cache. */
import * as Effect from "effect/Effect"
import { runnerOf } from "../call/immediate.js"
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
  /** Runs an effect of the store within the deadline of the call. */
  readonly run: ReturnType<typeof runnerOf>
}

export const makeCache = (store: Store, accountOf: AccountOf): Cache => ({
  store,
  accountOf,
  flights: new Flights(),
  invalidations: new Invalidations(),
  background: new Background(),
  run: runnerOf(store)
})

/** Removes everything, also what is under way. */
export const clear = ({ invalidations, store }: Cache): Effect.Effect<void> =>
  Effect.suspend(() => {
    invalidations.clear()
    return store.clear
  })
