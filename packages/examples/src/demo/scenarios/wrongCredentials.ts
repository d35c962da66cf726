import * as Basic from "@countersign/auth/Basic"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Scenario } from "../Scenario.js"
import { client, errorOf, sendsOf } from "../Scenario.js"

const attempt = (username: string, password: string, path: string) =>
  Effect.gen(function* () {
    const api = yield* client({ auth: Basic.make({ username, password: Redacted.make(password) }) })
    const { events, exit } = yield* Timeline.record(errorOf(api.get(path)))
    return { error: (yield* exit)?._tag, sends: sendsOf(events) }
  })

export const wrongCredentials: Scenario = {
  name: "wrong-credentials",
  title: "A wrong password and a wrong user are Unauthorized after one send; 403 is something else",
  run: Effect.gen(function* () {
    const password = yield* attempt("user", "wrong", "/basic-auth/user/pass")
    const user = yield* attempt("nobody", "pass", "/basic-auth/user/pass")
    const forbidden = yield* attempt("user", "pass", "/status/403")
    return {
      ok:
        [password, user].every(({ error, sends }) => error === "Unauthorized" && sends === 1) &&
        forbidden.error === "Forbidden",
      observed: { password, user, forbidden }
    }
  })
}
