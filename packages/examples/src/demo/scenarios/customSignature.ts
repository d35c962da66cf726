import * as Signature from "@countersign/auth/Signature"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createHash, createHmac } from "node:crypto"
import type { Scenario } from "../Scenario.js"
import { client } from "../Scenario.js"

const Echo = Schema.Struct({ headers: Schema.Record({ key: Schema.String, value: Schema.String }) })

const secret = "a-secret-of-the-demo"

export const customSignature: Scenario = {
  name: "custom-signature",
  title: "Custom authentication scheme: key, timestamp and HMAC-SHA256 signature",
  run: Effect.gen(function* () {
    const api = yield* client({ auth: Signature.make({ keyId: "demo-key", secret: Redacted.make(secret) }) })
    const { headers } = yield* api.get("/headers", { schema: Echo })
    const { "X-Nonce": nonce, "X-Signature": signature, "X-Timestamp": timestamp } = headers
    const emptyBody = createHash("sha256").update("").digest("hex")
    const recomputed = createHmac("sha256", secret)
      .update(["GET", "/headers", timestamp, nonce, emptyBody].join("\n"))
      .digest("hex")
    return {
      ok: headers["X-Api-Key"] === "demo-key" && timestamp !== undefined && signature === recomputed,
      observed: { key: headers["X-Api-Key"], timestamp, signature, recomputes: signature === recomputed }
    }
  })
}
