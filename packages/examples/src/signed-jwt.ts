/** A JWT that the client signs: the API of a GitHub App. */
import * as SignedJwt from "@countersign/auth/SignedJwt"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

class GitHub extends ApiClient.Tag("app/GitHub")<GitHub>() {}

// #region jwt
const AppLive = Layer.unwrapEffect(
  Effect.gen(function* () {
    const pem = yield* Config.redacted("GITHUB_APP_PRIVATE_KEY")
    const clientId = yield* Config.string("GITHUB_APP_CLIENT_ID")
    const key = yield* SignedJwt.importKey(pem, "RS256")
    return SignedJwt.layer(SignedJwt.githubApp({ clientId, key }))
  })
)

export const GitHubLive = GitHub.layer({ baseUrl: "https://api.github.com", auth: AppLive })
// #endregion

export const program = Effect.gen(function* () {
  const api = yield* GitHub
  return yield* api.get("/app/installations")
})
