import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ApiKey from "@countersign/auth/ApiKey"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Timeline from "@countersign/client/Timeline"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { stat } from "node:fs/promises"
import { join } from "node:path"
import type { Scenario } from "../Scenario.js"
import { sendsOf } from "../Scenario.js"
import { Target } from "../Target.js"
import { temporaryFolder } from "../temporaryFolder.js"

class Api extends ApiClient.Tag("demo/Beyond")<Api, TokenSourceError>() {}

/** A run of a service: its token is in the file, and the server has just dropped every access token. */
const serviceRun = (path: string) =>
  Effect.gen(function* () {
    const { oauth } = yield* Target
    const run = Effect.gen(function* () {
      const api = yield* Api
      const first = yield* api.get("/resource")
      yield* oauth.revokeAccessTokens
      const second = yield* api.get("/resource")
      return [first.status, second.status]
    })
    const auth = ClientCredentials.layer({
      issuer: oauth.issuer,
      clientId: "client",
      clientSecret: Redacted.make("secret"),
      transport: OAuth2.dangerouslyAllowHttpOnLoopback,
      // The resource is part of the authorization server: new tokens are valid at once, revoked ones are rejected.
      propagationDelay: 0
    })
    const live = Api.layer({ baseUrl: oauth.issuer, auth }).pipe(
      Layer.provide(FileTokenStore.layer({ path })),
      Layer.fresh
    )
    return yield* Effect.provide(run, live)
  })

const oauth = Effect.gen(function* () {
  const { oauth: server } = yield* Target
  const path = join(yield* temporaryFolder, "tokens.json")
  const statuses = [...(yield* serviceRun(path)), ...(yield* serviceRun(path))]
  const { mode } = yield* Effect.promise(() => stat(path))
  const calls = yield* server.tokenCalls
  const refreshes = yield* server.refreshCalls
  const revokedFamilies = yield* server.revokedFamilies
  return { statuses, signIns: calls - refreshes, refreshes, revokedFamilies, fileMode: (mode & 0o777).toString(8) }
})

const keys = Effect.gen(function* () {
  const { embedded } = yield* Target
  const auth = yield* ApiKey.pool({
    location: ApiKey.header("x-api-key"),
    keys: [Redacted.make("the-old-key"), Redacted.make("the-next-key")]
  })
  const api = yield* ApiClient.make({ baseUrl: embedded.baseUrl, auth })
  const { events, exit } = yield* Timeline.record(api.get("/countersign/api-key"))
  return { status: (yield* exit).status, sends: sendsOf(events) }
})

export const beyond: Scenario = {
  name: "beyond",
  title: "OAuth 2 with rotating refresh tokens in a private file, and rotation of an API key",
  run: Effect.map(Effect.all([oauth, keys]), ([tokens, key]) => ({
    ok:
      tokens.statuses.every((status) => status === 200) &&
      tokens.signIns === 1 &&
      tokens.refreshes === 2 &&
      tokens.revokedFamilies === 0 &&
      tokens.fileMode === "600" &&
      key.status === 200 &&
      key.sends === 2,
    observed: { oauth: tokens, apiKey: key }
  }))
}
