/** Session with cookies: the jar stores the cookies of each response and sends them to their domains. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region session
export const ApiLive = Api.layer({ baseUrl: "http://httpbin.test", cookies: CookieJar.layerMemory, auth: Auth.none })
// #endregion

const Cookies = Schema.Struct({ cookies: Schema.Record({ key: Schema.String, value: Schema.String }) })

export const program = Effect.gen(function* () {
  const api = yield* Api
  yield* api.get("/cookies/set?taste=oat")
  const { cookies } = yield* api.get("/cookies", { schema: Cookies })
  yield* Console.log(cookies)
})
