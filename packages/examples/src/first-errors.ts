/** The messages of the errors that a first program may get. */
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

export class Api extends ApiClient.Tag("app/Api")<Api>() {}

export const ApiLive = Api.layer({ baseUrl: "http://httpbin.test", auth: Bearer.layer(Redacted.make("a-token")) })

// #region messages
const Session = Schema.Struct({ authenticated: Schema.Boolean })

/** Prints the error of a call. */
const shown = <A, E extends { readonly _tag: string; readonly message: string }>(call: Effect.Effect<A, E>) =>
  Effect.flatMap(Effect.flip(call), (error) => Console.log(`${error._tag}: ${error.message}`))

export const program = Effect.gen(function* () {
  const api = yield* Api
  yield* shown(api.get("/status/404"))
  yield* shown(api.get("/countersign/bearer"))
  yield* shown(api.get("/get", { schema: Session }))
  yield* shown(api.get("https://www.example.com/users"))
})
// #endregion
