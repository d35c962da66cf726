/** A client that `@tim-smart/openapi-gen` generated from `orders.openapi.json`, with tokens that are refreshed. */
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as ApiError from "@countersign/client/ApiError"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Generated from "./orders.generated.js"

// #region layer
class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

const ApiLive = Api.layer({
  baseUrl: "https://orders.test",
  auth: ClientCredentials.layerConfig({
    issuer: Config.string("ISSUER"),
    clientId: Config.string("CLIENT_ID"),
    clientSecret: Config.redacted("CLIENT_SECRET")
  })
}).pipe(Layer.provide(TokenStore.layerMemory))

/** The generated client. */
export class Orders extends Context.Tag("app/Orders")<Orders, Generated.Orders>() {}

export const OrdersLive = Api.provideHttpClient(
  Layer.effect(
    Orders,
    Effect.map(HttpClient.HttpClient, (client) => Generated.make(client))
  )
).pipe(Layer.provide(ApiLive))
// #endregion

// #region calls
/** Ten calls at once. They use one token. */
export const openOrders = Effect.gen(function* () {
  const orders = yield* Orders
  const lists = yield* Effect.all(
    Array.from({ length: 10 }, () => orders.listOrders({ status: "open" })),
    { concurrency: "unbounded" }
  )
  return lists.flat()
})

export const program = Effect.gen(function* () {
  const orders = yield* Orders
  yield* Console.log((yield* openOrders).length)
  // The token lives 60 seconds.
  yield* Effect.sleep("50 seconds")
  yield* Console.log((yield* openOrders).length)

  // An error of the document.
  yield* orders.getOrder("43").pipe(Effect.catchTag("Rejection", ({ cause }) => Console.log(cause.message)))
})
// #endregion

// #region errors
/** The errors of the pipeline are the `cause` of the platform's `RequestError`. */
export const order = (id: string) =>
  Effect.gen(function* () {
    const orders = yield* Orders
    return yield* orders.getOrder(id)
  }).pipe(
    Effect.catchIf(
      (error) => error._tag === "RequestError" && ApiError.isTransient(error.cause),
      () => Effect.succeed("try again later" as const)
    )
  )
// #endregion
