/** Custom retry schedules, and the timeline of a call. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Retry from "@countersign/client/Retry"
import * as Timeline from "@countersign/client/Timeline"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

// #region schedules
/** At most five retries, the first after at most 200 ms, and none after ten seconds. */
export const Patient = ApiClient.make({
  baseUrl: "https://api.example.com",
  auth: Auth.none,
  retry: Retry.exponential({ times: 5, baseDelay: "200 millis" }).pipe(Schedule.upTo("10 seconds"))
})

/** At most two retries, one per second, for 503 only. A `retry-after` above five seconds is not waited for. */
export const Strict = ApiClient.make({
  baseUrl: "https://api.example.com",
  auth: Auth.none,
  retry: {
    schedule: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2)),
    statuses: [503],
    maxRetryAfter: "5 seconds"
  }
})
// #endregion

// #region timeline
export const program = Effect.gen(function* () {
  const api = yield* Strict
  const { events, exit } = yield* Timeline.record(api.get("/report"))
  yield* Console.log(Timeline.format(events))
  yield* Console.log((yield* exit).status)
})
// #endregion
