/** Calls an API from code without Effect. */
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import { RateLimited, Unauthorized } from "@countersign/client/Errors"
import * as PromiseClient from "@countersign/client/PromiseClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

// #region client
class Api extends ApiClient.Tag("app/Api")<Api>() {}

/** @param transport - `NodeTransport.layer`, or `FetchHttpClient.layer` of the platform. */
export const makeApi = (transport: Layer.Layer<HttpClient.HttpClient>) =>
  PromiseClient.make(
    Api,
    Api.layer({
      baseUrl: "http://httpbin.test",
      auth: Bearer.layer(Redacted.make("a-token"))
    }).pipe(Layer.provide(transport))
  )
// #endregion

export type PromiseApi = ReturnType<typeof makeApi>

// #region calls
const Session = Schema.Struct({ authenticated: Schema.Boolean })

export const calls = async (api: PromiseApi) => {
  const session = await api.get("/bearer", { schema: Session, signal: AbortSignal.timeout(5000) })
  console.log(session)

  const response = await api.get("/status/{code}", { path: { code: 204 } })
  console.log(response.status)

  try {
    await api.get("/status/401")
  } catch (error) {
    if (error instanceof Unauthorized) console.log(error.message)
    else if (error instanceof RateLimited) console.log("Try again at", error.retryAt)
    else throw error
  }
}
// #endregion

// #region stream
export const loop = async (api: PromiseApi) => {
  const statuses = api.iterate((client) =>
    Stream.mapEffect(Stream.make(200, 201, 202, 203), (code) => client.get("/status/{code}", { path: { code } }))
  )
  for await (const { status } of statuses) {
    console.log(status)
    if (status === 202) break
  }
}
// #endregion
