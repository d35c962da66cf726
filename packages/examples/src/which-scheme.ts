/** The schemes that an API asks for in its 401, and a client that answers them. */
import * as Basic from "@countersign/auth/Basic"
import * as Digest from "@countersign/auth/Digest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

// #region look
/** Prints the challenges of the API. */
export const look = (baseUrl: string, path: string) =>
  Effect.gen(function* () {
    const api = yield* ApiClient.make({ baseUrl, auth: Auth.none })
    yield* api.get(path)
    yield* Console.log("no credentials are needed")
  }).pipe(
    Effect.catchTag("Unauthorized", ({ challenges }) =>
      Effect.forEach(challenges, ({ params, scheme }) => Console.log(scheme, params["algorithm"] ?? ""))
    )
  )
// #endregion

// #region negotiate
class Api extends ApiClient.Tag("app/Api")<Api, Digest.DigestError>() {}

const AuthLive = Auth.layerEffect(
  Effect.map(
    Config.all({ username: Config.string("API_USER"), password: Config.redacted("API_PASSWORD") }),
    (account) => Auth.negotiate([Digest.make(account), Basic.make(account)])
  )
)

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: AuthLive })
// #endregion

// #region digest
export const DigestLive = Api.layer({
  baseUrl: "https://camera.example.com",
  // This camera has MD5 only. Without it in the list, the call fails with ChallengeUnsupported.
  auth: Digest.layerConfig({
    username: "admin",
    password: Config.redacted("API_PASSWORD"),
    algorithms: ["SHA-512-256", "SHA-256", "MD5"]
  })
})
// #endregion

// #region errors
export const report = Effect.gen(function* () {
  const api = yield* Api
  return yield* api.get("/reports/1")
}).pipe(
  Effect.catchTags({
    Unauthorized: ({ message }) => Console.log(message),
    ChallengeUnsupported: ({ message }) => Console.log(message),
    SchemeDowngraded: ({ message }) => Console.log(message)
  })
)
// #endregion
