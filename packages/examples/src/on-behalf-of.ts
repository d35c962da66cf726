/** Token exchange (RFC 8693): a service receives a user's token and calls another API on behalf of that user. */
import * as Bearer from "@countersign/auth/Bearer"
import * as TokenExchange from "@countersign/auth/TokenExchange"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

const Resource = Schema.Struct({ client_id: Schema.String, sub: Schema.String, scope: Schema.String })

// #region exchange
const exchanging = Effect.flatMap(Config.redacted("CLIENT_SECRET"), (clientSecret) =>
  TokenExchange.make({
    issuer: "https://oauth.test",
    clientId: "middle",
    clientSecret,
    resource: "https://oauth.test/resource",
    scopes: ["read"]
  })
)

/** Handles one request of a user. `userToken` is the verified token of that request. */
export const handle = (userToken: Redacted.Redacted<string>) =>
  Effect.gen(function* () {
    const { exchange } = yield* exchanging
    const { accessToken } = yield* exchange({ token: userToken, type: TokenExchange.tokenTypes.accessToken })
    const api = yield* ApiClient.make({ baseUrl: "https://oauth.test", auth: Bearer.make(accessToken) })
    const { client_id, scope, sub } = yield* api.get("/resource", { schema: Resource })
    return `${client_id} may ${scope} for ${sub}`
  })
// #endregion
