import * as Auth from "@countersign/client/Auth"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import type { Scenario } from "../Scenario.js"
import { client, errorOf, sendsOf } from "../Scenario.js"

export const unauthenticated: Scenario = {
  name: "unauthenticated",
  title: "A request without credentials is refused: a typed error, and one send",
  run: Effect.gen(function* () {
    const api = yield* client({ auth: Auth.none })
    const { events, exit } = yield* Timeline.record(errorOf(api.get("/basic-auth/user/pass")))
    const error = yield* exit
    const sends = sendsOf(events)
    return {
      ok: error?._tag === "Unauthorized" && error.status === 401 && sends === 1,
      observed: { error: error?._tag, message: error?.message, sends }
    }
  })
}
