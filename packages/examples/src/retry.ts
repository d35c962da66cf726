/** Another schedule, and a look at what happened. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Retry from "@countersign/client/Retry"
import * as Timeline from "@countersign/client/Timeline"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

// #region schedules
/** Five retries, the first after up to a fifth of a second; no more of them after ten seconds. */
export const Patient = ApiClient.make({
  baseUrl: "https://api.example.com",
  auth: Auth.none,
  retry: Retry.exponential({ times: 5, baseDelay: "200 millis" }).pipe(Schedule.upTo("10 seconds"))
})

/** Once a second, at most twice; 503 and nothing else; no waits of more than five seconds for a server that asks. */
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
  for (const { at, ...event } of events) yield* Console.log(at, event)
  yield* Console.log((yield* exit).status)
})
// #endregion
