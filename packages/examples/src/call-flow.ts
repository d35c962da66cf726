/** The timeline of one call: a redirect, a retry and a replay. Policies that read the deadline of their call. */
import * as Bearer from "@countersign/auth/Bearer"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import type * as Errors from "@countersign/client/Errors"
import * as Policy from "@countersign/client/Policy"
import * as Timeline from "@countersign/client/Timeline"
import * as Timeout from "@countersign/client/Timeout"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

// Replace this with a request to your token service.
const AuthLive = Bearer.layerCustom({
  key: "orders",
  acquireToken: () => Effect.map(Clock.currentTimeMillis, (now) => Token.bearer(Redacted.make("secret"), now))
}).pipe(Layer.provide(TokenStore.layerMemory))

// #region deadline
/** Sends the time that is left for a response, so that the server can give up in time. */
const withTimeLeft = Policy.make((request, next) =>
  Effect.flatMap(Timeout.remaining, (ms) => next(HttpClientRequest.setHeader(request, "x-time-left", `${ms}`)))
)

/** Waits for `ready`. The wait ends at the deadline of the call, with `Timeout`. */
export const afterStart = (ready: Effect.Effect<void>) =>
  Policy.make<Errors.Timeout>((request, next) => Effect.zipRight(Timeout.withDeadline(ready), next(request)))
// #endregion

const Transport = Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, withTimeLeft))

export const ApiLive = Api.layer({
  baseUrl: "https://api.example.com",
  retry: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2)),
  auth: AuthLive
}).pipe(Layer.provide(Transport))

// #region call
const Order = Schema.Struct({ id: Schema.Number })

export const program = Effect.gen(function* () {
  const api = yield* Api
  const { events, exit } = yield* Timeline.record(api.get("/orders/42", { schema: Order }))
  yield* Console.log(Timeline.format(events))
  yield* Console.log(yield* exit)
})
// #endregion
