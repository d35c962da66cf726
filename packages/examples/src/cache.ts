/** A cache of responses: hits, a validation, a change, and two accounts. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as HttpCache from "@countersign/client/HttpCache"
import * as Timeline from "@countersign/client/Timeline"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

// #region cache
class Api extends ApiClient.Tag("app/Api")<Api>() {}

const cache = HttpCache.memory({ maxBytes: 8 * 1024 * 1024 })

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com/v1", auth: Auth.none, cache })
// #endregion

const plans = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.get("/plans")
})

// #region see
const seen = <A, E, R>(call: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Timeline.record(call), ({ events, exit }) =>
    Effect.zipRight(Console.log(Timeline.format(events)), exit)
  )

export const readings = Effect.gen(function* () {
  yield* seen(plans)
  const hit = yield* seen(plans)
  yield* Console.log(hit.headers["cache-status"])
  yield* Effect.sleep("2 minutes")
  yield* seen(plans)
})
// #endregion

// #region refresh
export const reload = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.get("/plans", { headers: { "cache-control": "no-cache" } })
})
// #endregion

// #region accounts
const alice = Auth.makeStatic(HttpClientRequest.setHeader("authorization", "Bearer alice"))

export const accounts = Effect.gen(function* () {
  const api = yield* Api
  // Another account: a response of its own.
  yield* seen(api.get("/plans", { auth: alice }))
  yield* seen(api.get("/plans", { auth: alice }))
})
// #endregion

// #region change
export const change = Effect.gen(function* () {
  const api = yield* Api
  yield* api.put("/plans", { json: { name: "team" } })
  yield* seen(plans)
})
// #endregion

// #region sign-out
export const signOut = cache.clear
// #endregion

// #region persistent
/** For the Layer of a `KeyValueStore`, such as `KeyValueStore.layerFileSystem("/var/lib/app/cache")`. */
export const persistentPlans = Effect.gen(function* () {
  const api = yield* ApiClient.make({
    baseUrl: "https://api.example.com/v1",
    auth: Auth.none,
    cache: yield* HttpCache.makePersistent({ account: "app" })
  })
  return yield* api.get("/plans")
})
// #endregion

export const program = Effect.all([readings, reload, accounts, change, signOut], { discard: true })
