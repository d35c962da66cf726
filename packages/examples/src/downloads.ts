/** A body that is too large to be held: `execute` gives the answer when its headers are here. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

export const ApiLive = Api.layer({ baseUrl: "http://httpbin.test", auth: Auth.none })

// #region download
export const program = Effect.gen(function* () {
  const api = yield* Api
  const response = yield* api.execute(HttpClientRequest.get("/stream-bytes/100000"))
  const bytes = yield* Stream.runFold(response.stream, 0, (sum, chunk) => sum + chunk.length)
  yield* Console.log(`${bytes} bytes, never held at once`)
})
// #endregion
