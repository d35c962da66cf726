/** Requests through a proxy, and the error of a call when the proxy rejects its credentials. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region option
// APP_PROXY is a URL like http://user:password@proxy.example.com:3128
export const TransportLive = Layer.unwrapEffect(
  Effect.map(Config.redacted("APP_PROXY"), (proxy) =>
    NodeTransport.layerWith({
      proxy: { http: proxy, https: proxy, noProxy: ["internal.example.com", "10.0.0.0/8"] }
    })
  )
)
// #endregion

// #region environment
export const FromEnvironment = NodeTransport.layerProxyEnv
// #endregion

const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: Auth.none }).pipe(Layer.provide(TransportLive))

// #region failure
export const program = Effect.gen(function* () {
  const api = yield* Api
  yield* api.get("/orders")
}).pipe(
  Effect.catchTag("TransportError", ({ proxy, reason, sent }) =>
    Console.log(`${reason}, status ${proxy?.status}, sent: ${sent}`)
  ),
  Effect.provide(ApiLive)
)
// #endregion
