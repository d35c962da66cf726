import * as Basic from "@countersign/auth/Basic"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Scenario } from "../Scenario.js"
import { client } from "../Scenario.js"
import { Target } from "../Target.js"

const Login = Schema.Struct({ authenticated: Schema.Boolean, user: Schema.String })

const credentials: Basic.Credentials = { username: "user", password: Redacted.make("pass") }

class Api extends ApiClient.Tag("demo/BasicAuth")<Api>() {}

const fromOptions = Effect.flatMap(client({ auth: Basic.make(credentials) }), (api) =>
  api.get("/basic-auth/user/pass", { schema: Login })
)

const fromLayer = Effect.gen(function* () {
  const { baseUrl } = yield* Target
  return yield* Effect.gen(function* () {
    const api = yield* Api
    return yield* api.get("/basic-auth/user/pass", { schema: Login })
  }).pipe(Effect.provide(Api.layer({ baseUrl, auth: Basic.layer(credentials) })))
})

export const basicAuth: Scenario = {
  name: "basic-auth",
  title: "Basic, from the options and from a Layer",
  run: Effect.map(Effect.all([fromOptions, fromLayer]), ([options, layer]) => ({
    ok: [options, layer].every(({ authenticated, user }) => authenticated && user === "user"),
    observed: { options, layer }
  }))
}
