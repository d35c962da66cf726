import * as Auth from "@countersign/client/Auth"
import * as Effect from "effect/Effect"
import type { Scenario } from "../Scenario.js"
import { client, errorOf } from "../Scenario.js"

export const inspectChallenge: Scenario = {
  name: "inspect-challenge",
  title: "What the server asks for is parsed, and its answer can be read, whatever it is",
  run: Effect.gen(function* () {
    const api = yield* client({ auth: Auth.none })
    const error = yield* errorOf(api.get("/basic-auth/user/pass"))
    if (error?._tag !== "Unauthorized" || error.response === undefined) return { ok: false, observed: { error } }
    const [challenge] = error.challenges
    // JSON where it is JSON, text where it is not; here there is no body at all.
    const json = yield* Effect.option(error.response.json)
    const text = yield* error.response.text
    return {
      ok: challenge?.scheme === "basic" && challenge.params["realm"] === "Fake Realm" && typeof text === "string",
      observed: {
        scheme: challenge?.scheme,
        realm: challenge?.params["realm"],
        header: error.response.headers["www-authenticate"],
        body: json._tag === "Some" ? { json: json.value } : { text }
      }
    }
  })
}
