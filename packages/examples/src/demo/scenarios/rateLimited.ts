import * as Auth from "@countersign/client/Auth"
import * as Retry from "@countersign/client/Retry"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import type { Scenario } from "../Scenario.js"
import { client, errorOf, sendsOf, waitsOf } from "../Scenario.js"
import { Target } from "../Target.js"

const retry = Retry.exponential({ times: 2, throttledBaseDelay: "200 millis" })

const asked = (spelling: "seconds" | "date" | "none") =>
  Effect.gen(function* () {
    const api = yield* client({ auth: Auth.none, retry })
    const path = `/countersign/retry-after/${spelling}?times=1&amount=1&key=demo-${spelling}`
    const { events, exit } = yield* Timeline.record(api.get(path))
    return { status: (yield* exit).status, sends: sendsOf(events), waits: waitsOf(events) }
  })

const forever = Effect.gen(function* () {
  const api = yield* client({ auth: Auth.none, retry })
  const { events, exit } = yield* Timeline.record(errorOf(api.get("/status/429")))
  return { error: (yield* exit)?._tag, sends: sendsOf(events), waits: waitsOf(events) }
})

const waitedOnce = ({ sends, status }: { readonly sends: number; readonly status: number }) =>
  status === 200 && sends === 2

export const rateLimited: Scenario = {
  name: "rate-limited",
  title: "429: waits as long as it is told, backs off where it is told nothing, then gives up typed",
  run: Effect.gen(function* () {
    const { isEmbedded } = yield* Target
    const without = yield* forever
    const onReplayRejected =
      without.error === "RateLimited" && without.sends === 3 && without.waits.every((wait) => wait <= 400)
    if (!isEmbedded) return { ok: onReplayRejected, observed: { without } }
    const seconds = yield* asked("seconds")
    const date = yield* asked("date")
    const none = yield* asked("none")
    return {
      ok:
        onReplayRejected &&
        [seconds, date, none].every(waitedOnce) &&
        (seconds.waits[0] ?? 0) >= 1000 &&
        (none.waits[0] ?? Number.POSITIVE_INFINITY) <= 200,
      observed: { seconds, date, none, without }
    }
  })
}
