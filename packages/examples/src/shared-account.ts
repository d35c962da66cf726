/** One account shared by many processes: rotating refresh tokens in an encrypted file, and the token events. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenEvents from "@countersign/auth/TokenEvents"
import * as ApiClient from "@countersign/client/ApiClient"
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

// #region layers
const AuthLive = Layer.unwrapEffect(
  Effect.map(Config.redacted("CLIENT_SECRET"), (clientSecret) =>
    RefreshToken.layer({ issuer: "https://oauth.test", clientId: "client", clientSecret, account: "alice" })
  )
)

const StoreLive = Layer.unwrapEffect(
  Effect.map(EncryptionKey.config("TOKEN_KEY"), (key) => EncryptedTokenStore.layer({ storeId: "app", key }))
).pipe(Layer.provide(FileTokenStore.layerConfig({ path: Config.string("TOKEN_FILE") })))

export const ApiLive = Api.layer({ baseUrl: "https://oauth.test", auth: AuthLive }).pipe(
  Layer.provideMerge(StoreLive),
  Layer.provideMerge(TokenEvents.layer)
)
// #endregion

// #region events
const watching = TokenEvents.stream.pipe(
  Stream.filter(({ _tag }) => _tag !== "Used"),
  Stream.runForEach(({ _tag }) => Console.log(_tag))
)

export const program = Effect.gen(function* () {
  const api = yield* Api
  yield* Effect.forkScoped(watching)
  yield* Effect.yieldNow()
  yield* Effect.all(
    Array.from({ length: 100 }, () => api.get("/resource")),
    { concurrency: "unbounded" }
  )
  yield* Console.log("100 requests")
}).pipe(Effect.scoped)
// #endregion
