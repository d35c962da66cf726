/** Calls an API by its `HttpApi` description, and gives an SDK the pipeline of the same API. */
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as HttpApiClient from "@countersign/client/HttpApiClient"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

export const ApiLive = Api.layer({ baseUrl: "http://httpbin.test", auth: Bearer.layer(Redacted.make("a-token")) })

// #region derived
class Teapot extends Schema.TaggedError<Teapot>()("Teapot", {}, HttpApiSchema.annotations({ status: 418 })) {}

const Description = HttpApi.make("bin")
  .add(
    HttpApiGroup.make("session").add(
      HttpApiEndpoint.get("whoami", "/bearer").addSuccess(Schema.Struct({ authenticated: Schema.Boolean }))
    )
  )
  .add(
    HttpApiGroup.make("statuses").add(
      HttpApiEndpoint.get("show", "/status/:code")
        .setPath(Schema.Struct({ code: Schema.NumberFromString }))
        .addSuccess(Schema.Void, { status: 200 })
        .addError(Teapot)
    )
  )

export const program = Effect.gen(function* () {
  const api = yield* HttpApiClient.make(Api, Description)
  yield* Console.log(yield* api.session.whoami())

  yield* api.statuses.show({ path: { code: 403 } }).pipe(
    Effect.catchTags({
      // Declared by the endpoint.
      Teapot: () => Console.log("It is a teapot."),
      // Not declared, so it is the error of a verb.
      Forbidden: (error) => Console.log(error.message)
    })
  )
})
// #endregion

// #region sdk
/** An SDK that requires the platform's `HttpClient`. */
const session = Effect.flatMap(HttpClient.HttpClient, (client) => client.get("/bearer")).pipe(
  Effect.flatMap((response) => response.json)
)

export const sdk = Effect.gen(function* () {
  yield* Console.log(yield* Api.provideHttpClient(session))
})
// #endregion
