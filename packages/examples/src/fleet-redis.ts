/** One account, one limit and one throttle for many machines: rotating refresh tokens, encrypted, in Redis. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as ApiClient from "@countersign/client/ApiClient"
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimit from "@countersign/redis/RedisRateLimit"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

// #region store
const RedisLive = RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") })

const StoreLive = Layer.unwrapEffect(
  Effect.map(EncryptionKey.config("TOKEN_KEY"), (key) => EncryptedTokenStore.layer({ storeId: "orders", key }))
).pipe(Layer.provide(RedisTokenStore.layer()))
// #endregion

const AuthLive = Layer.unwrapEffect(
  Effect.map(Config.redacted("CLIENT_SECRET"), (clientSecret) =>
    RefreshToken.layer({ issuer: "https://oauth.test", clientId: "client", clientSecret, account: "alice" })
  )
)

// #region api
export const ApiLive = Api.layer({
  baseUrl: "https://oauth.test",
  auth: AuthLive,
  rateLimit: RedisRateLimit.layer({ limits: [{ limit: 100, window: "1 minute" }], limiter: { processes: 4 } })
}).pipe(Layer.provideMerge(StoreLive), Layer.provide(RedisLive))
// #endregion

export const program = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.get("/resource")
})
