/** HMAC signatures: a webhook, and two forms of an exchange. */
import * as QuerySignature from "@countersign/auth/QuerySignature"
import * as Signature from "@countersign/auth/Signature"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

class Receiver extends ApiClient.Tag("app/Receiver")<Receiver>() {}
class Exchange extends ApiClient.Tag("app/Exchange")<Exchange>() {}
class Orders extends ApiClient.Tag("app/Orders")<Orders>() {}

const secret = Redacted.make("c2VjcmV0")

// #region webhook
const WebhookLive = Signature.layer(Signature.timestampedBody({ header: "x-webhook-signature", secret }))
// #endregion

// #region exchange
const ExchangeLive = Signature.layer({
  keyId: "key",
  secret,
  secretEncoding: "base64",
  encoding: "base64",
  canonical: Signature.prehash,
  headers: { keyId: "access-key", timestamp: "access-timestamp", signature: "access-sign" }
})
// #endregion

// #region query
const OrdersLive = QuerySignature.layer({ keyId: "key", secret })
// #endregion

export const ApisLive = Layer.mergeAll(
  Receiver.layer({ baseUrl: "https://receiver.example.com", auth: WebhookLive }),
  Exchange.layer({ baseUrl: "https://exchange.example.com", auth: ExchangeLive }),
  Orders.layer({ baseUrl: "https://orders.example.com", auth: OrdersLive })
)

export const program = Effect.gen(function* () {
  const receiver = yield* Receiver
  const exchange = yield* Exchange
  const orders = yield* Orders
  yield* receiver.post("/hooks", { json: { event: "paid" } })
  yield* exchange.post("/orders", { json: { size: "0.01" } })
  yield* orders.get("/orders", { query: { symbol: "BTC" } })
})
