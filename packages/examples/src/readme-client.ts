// #region program
import { ApiClient, Auth } from "@countersign/client"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class HttpBin extends ApiClient.Tag("app/HttpBin")<HttpBin>() {}

const HttpBinLive = HttpBin.layer({ baseUrl: "https://httpbin.org", auth: Auth.none }).pipe(
  Layer.provide(FetchHttpClient.layer)
)

const Query = Schema.Struct({ args: Schema.Struct({ page: Schema.NumberFromString }) })

const program = Effect.gen(function* () {
  const api = yield* HttpBin
  const { args } = yield* api.get("/get", { query: { page: 2 }, schema: Query })
  yield* Console.log(`page ${args.page}`)
}).pipe(Effect.catchTag("RateLimited", "Timeout", (error) => Console.error(error.message)))

await Effect.runPromise(Effect.provide(program, HttpBinLive))
// #endregion
