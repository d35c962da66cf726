// #region program
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

const ApiLive = Api.layer({
  baseUrl: "https://httpbin.org",
  auth: Bearer.layerConfig(Config.redacted("API_TOKEN"))
}).pipe(Layer.provide(NodeTransport.layer))

const Session = Schema.Struct({ authenticated: Schema.Boolean })

const program = Effect.gen(function* () {
  const api = yield* Api
  const session = yield* api.get("/bearer", { schema: Session })
  yield* Console.log(session)
}).pipe(Effect.catchTag("Unauthorized", "RateLimited", (error) => Console.error(error.message)))

await Effect.runPromise(Effect.provide(program, ApiLive))
// #endregion
