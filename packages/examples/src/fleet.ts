/** One account for many machines: rotating refresh tokens, encrypted, in PostgreSQL. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as ApiClient from "@countersign/client/ApiClient"
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

// #region store
const DatabaseLive = PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") })

const StoreLive = Layer.unwrapEffect(
  Effect.map(EncryptionKey.config("TOKEN_KEY"), (key) => EncryptedTokenStore.layer({ storeId: "orders", key }))
).pipe(Layer.provide(SqlTokenStore.layer()), Layer.provide(DatabaseLive))
// #endregion

// #region migrate
export const migrate = Effect.provide(SqlTokenStore.migrate(), DatabaseLive)
// #endregion

// #region api
const AuthLive = Layer.unwrapEffect(
  Effect.map(Config.redacted("CLIENT_SECRET"), (clientSecret) =>
    RefreshToken.layer({ issuer: "https://oauth.test", clientId: "client", clientSecret, account: "alice" })
  )
)

export const ApiLive = Api.layer({ baseUrl: "https://oauth.test", auth: AuthLive }).pipe(Layer.provideMerge(StoreLive))

export const program = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.get("/resource")
})
// #endregion
