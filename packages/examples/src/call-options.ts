/** Options of one call, and a client with other defaults. */
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region client
export const ApiLive = Api.layer({
  baseUrl: "http://httpbin.test",
  auth: Bearer.layer(Redacted.make("a-token")),
  userAgent: "shop/2.0",
  headers: { "accept-language": "en" },
  timeout: "20 seconds"
})
// #endregion

// #region call
/** A slow report: a longer time limit, a larger body, and no retry. */
const report = Effect.gen(function* () {
  const api = yield* Api
  const response = yield* api.get("/bytes/1000", {
    timeout: { call: "5 minutes", exchange: "4 minutes" },
    maxBodySize: 100 * 1024 * 1024,
    retry: false
  })
  yield* Console.log(`${(yield* response.arrayBuffer).byteLength} bytes`)
})
// #endregion

// #region with
/** The same client with other defaults. A call can replace each of them. */
const forCustomer = (id: string, token: Redacted.Redacted<string>) =>
  Effect.gen(function* () {
    const api = yield* Api
    return api.with({ headers: { "x-customer": id }, query: { lang: "de" }, auth: Bearer.make(token) })
  })

const customer = Effect.gen(function* () {
  const api = yield* forCustomer("42", Redacted.make("other-token"))
  yield* Console.log(yield* (yield* api.get("/get")).json)
})
// #endregion

// #region redirect
/** With `redirects: false` a redirect is the response. */
const location = Effect.gen(function* () {
  const api = yield* Api
  const { headers, status } = yield* api.get("/redirect/1", { redirects: false })
  yield* Console.log(status, headers["location"])
})
// #endregion

export const program = Effect.all([report, customer, location], { discard: true })
