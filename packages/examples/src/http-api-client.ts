/** Uses the pipeline with a client that Effect's `HttpApiClient` derives from an API description. */
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

export const ApiLive = Api.layer({ baseUrl: "http://httpbin.test", auth: Bearer.layer(Redacted.make("a-token")) })

// #region derived
const Description = HttpApi.make("bin").add(
  HttpApiGroup.make("session").add(
    HttpApiEndpoint.get("whoami", "/bearer").addSuccess(Schema.Struct({ authenticated: Schema.Boolean }))
  )
)

export const program = Effect.gen(function* () {
  const client = yield* Api.provideHttpClient(HttpApiClient.make(Description))
  yield* Console.log(yield* client.session.whoami())
})
// #endregion
