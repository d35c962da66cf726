/** OAuth 1.0: signs a user in, and calls the API with the token credentials of that user. */
import * as OAuth1 from "@countersign/auth/OAuth1"
import * as OAuth1SignIn from "@countersign/auth/OAuth1SignIn"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

// #region make
const clientConfig = Config.all({
  clientId: Config.string("CONSUMER_KEY"),
  clientSecret: Config.redacted("CONSUMER_SECRET")
})

export const makeSignIn = Effect.flatMap(clientConfig, (client) =>
  OAuth1SignIn.make({
    ...client,
    temporaryCredentialsEndpoint: "https://api.example.com/oauth/request_token",
    authorizationEndpoint: "https://api.example.com/oauth/authorize",
    tokenEndpoint: "https://api.example.com/oauth/access_token",
    redirectUri: "https://app.example.com/callback"
  })
)
// #endregion

// #region callback
/** Handles the callback. `transaction` was stored in the session of this browser before the redirect to its `url`. */
export const handle = (signIn: OAuth1SignIn.Service, transaction: OAuth1SignIn.Transaction, callback: string) =>
  Effect.gen(function* () {
    const client = yield* clientConfig
    const { credentials, extra } = yield* signIn.complete(transaction, callback)
    yield* Console.log(`signed in as ${extra["screen_name"]}`)
    // Store the credentials for the next calls. They are valid until the user revokes them.
    const auth = OAuth1.make({ ...client, ...credentials })
    const api = yield* ApiClient.make({ baseUrl: "https://api.example.com", auth })
    return yield* api.post("/statuses", { form: { status: "Hello" } })
  }).pipe(
    Effect.catchTag("TokenError", (error) =>
      error.error === "access_denied" ? Console.log("the user declined") : Effect.fail(error)
    )
  )
// #endregion
