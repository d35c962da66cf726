import * as Basic from "@countersign/auth/Basic"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Scenario } from "../Scenario.js"
import { client } from "../Scenario.js"

const login = (password: string) => Basic.make({ username: "user", password: Redacted.make(password) })

export const fallbackCredentials: Scenario = {
  name: "fallback-credentials",
  title: "Other credentials after a 401, composed with catchTag",
  run: Effect.gen(function* () {
    const api = yield* client({ auth: login("the-old-password") })
    const { events, exit } = yield* Timeline.record(
      api
        .get("/basic-auth/user/pass")
        .pipe(Effect.catchTag("Unauthorized", () => api.get("/basic-auth/user/pass", { auth: login("pass") })))
    )
    const { status } = yield* exit
    const statuses = events.flatMap((event) => (event._tag === "ResponseReceived" ? [event.status] : []))
    return { ok: status === 200 && statuses.join() === "401,200", observed: { statuses } }
  })
}
