/** Custom pipeline: the policies in another order, without redirects. */
import * as Basic from "@countersign/auth/Basic"
import * as Auth from "@countersign/client/Auth"
import * as RequestDefaults from "@countersign/client/RequestDefaults"
import * as Retry from "@countersign/client/Retry"
import * as Status from "@countersign/client/Status"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as Verb from "@countersign/client/Verb"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

const Session = Schema.Struct({ authenticated: Schema.Boolean, user: Schema.String })

// #region order
const baseUrl = "http://httpbin.test"
const auth = Basic.make({ username: "user", password: Redacted.make("pass") })

/** Policies from the innermost to the outermost: in a `pipe`, the last one is the outermost. */
const client = Effect.map(HttpClient.HttpClient, (transport) =>
  Transport.fromHttpClient(transport).pipe(
    Transport.bufferBodies(1024 * 1024),
    Timeout.exchange("5 seconds"),
    Auth.policy({ auth, origins: [baseUrl] }),
    Retry.policy({ schedule: Retry.exponential({ times: 1 }) }),
    Status.policy,
    Timeout.call("20 seconds"),
    RequestDefaults.policy({ baseUrl })
  )
)

export const program = Effect.gen(function* () {
  const { execute } = yield* client
  const get = Verb.make("GET", execute)
  yield* Console.log(yield* get("/basic-auth/user/pass", { schema: Session }))
})
// #endregion
