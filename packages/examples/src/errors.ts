/** An error for each decision that a caller can make. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as ApiError from "@countersign/client/ApiError"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export class Api extends ApiClient.Tag("app/Api")<Api>() {}

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: Auth.none })

const Order = Schema.Struct({ id: Schema.Number })

// #region decisions
export const order = (id: number) =>
  Effect.gen(function* () {
    const api = yield* Api
    return yield* api.get(`/orders/${id}`, { schema: Order })
  }).pipe(
    Effect.tap((found) => Console.log(`Order ${found.id} is here.`)),
    Effect.catchTags({
      Unauthorized: (e) => Console.log(`Sign in again. ${e.message}`),
      Forbidden: (e) => Console.log(`Ask for ${e.scope ?? "access"}. ${e.message}`),
      RateLimited: (e) => Console.log(`Come back in ${Duration.format(e.retryAfter ?? Duration.minutes(1))}.`),
      Unavailable: (e) => Console.log(`Later. ${e.message}`),
      ClientError: (e) => Console.log(e.serverMessage ?? e.message),
      TransportError: (e) => Console.log(`${e.reason}, sent: ${e.sent}. ${e.message}`),
      InvalidResponse: (e) => Console.log(e.message)
    })
  )
// #endregion

// #region groups
export const state = (id: number) =>
  Effect.gen(function* () {
    const api = yield* Api
    return yield* api.get(`/orders/${id}`)
  }).pipe(
    Effect.as("ready"),
    Effect.catchTag(...ApiError.transient, (e) => Effect.as(Console.log(e.message), "try again later")),
    Effect.catchTag(...ApiError.credentials, (e) => Effect.as(Console.log(e.message), "sign in again"))
  )
// #endregion

export const program = Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], order, { discard: true })
