/** Test of code that calls an API, without sockets and without waiting: `MockClient` and `TestClock`. */
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as MockClient from "@countersign/testing/MockClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region test
const ApiTest = Api.layer({ baseUrl: "https://api.example.com", auth: Bearer.layer(Redacted.make("a-token")) }).pipe(
  Layer.provideMerge(
    MockClient.layer([
      MockClient.respond(429, "slow down", { "retry-after": "20" }),
      MockClient.respond(200, { name: "Ada" }),
      MockClient.respond(503, "busy", { "retry-after": "120" })
    ])
  )
)

export const program = Effect.gen(function* () {
  const api = yield* Api
  const mock = yield* MockClient.MockClient

  const call = yield* Effect.fork(api.get("/user"))
  yield* TestClock.adjust("19 seconds")
  yield* Console.log(`after 19 s, sends: ${(yield* mock.sent).length}`)
  yield* TestClock.adjust("3 seconds")
  yield* Console.log(`after 22 s, sends: ${(yield* mock.sent).length}`)
  yield* Console.log(yield* (yield* Fiber.join(call)).json)

  const tooLong = yield* Effect.flip(api.get("/user"))
  yield* Console.log(`${tooLong._tag}, and no time has passed`)
}).pipe(Effect.provide(ApiTest))
// #endregion
