/** A long-running operation: started, waited for, and continued by another process. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Operation from "@countersign/client/Operation"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

// #region run
class Api extends ApiClient.Tag("app/Api")<Api>() {}

const Report = Schema.Struct({ pages: Schema.Number })

export const report = Effect.gen(function* () {
  const api = yield* Api
  const { pages } = yield* Operation.run(api, "/reports", {
    json: { year: 2026 },
    schema: Report,
    onStatus: ({ state }) => Console.log(state)
  })
  yield* Console.log(`${pages} pages`)
})
// #endregion

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com/v1", auth: Auth.none })

// #region wait
const StoredPosition = Schema.parseJson(Operation.Position)

/** Gives up after a minute, and returns the position as text. */
const start = Effect.gen(function* () {
  const api = yield* Api
  return yield* Operation.run(api, "/exports", { json: {}, schema: Report, maxWait: "1 minute" })
}).pipe(
  Effect.as(undefined),
  Effect.catchTag("OperationError", (error) =>
    Effect.zipRight(Console.log(error.message), Effect.succeed(error.position))
  )
)

export const inTwoRuns = Effect.gen(function* () {
  const position = yield* start
  if (position === undefined) return
  const stored = yield* Schema.encode(StoredPosition)(position)
  yield* Console.log(`stored ${stored}`)

  const api = yield* Api
  const { pages } = yield* Operation.wait(api, yield* Schema.decode(StoredPosition)(stored), { schema: Report })
  yield* Console.log(`${pages} pages`)
})
// #endregion

// #region state
const Job = Schema.Struct({ phase: Schema.Literal("build", "deploy", "live", "broken"), pages: Schema.Number })
const isJob = Schema.is(Job)

export const deployed = Effect.gen(function* () {
  const api = yield* Api
  const job = yield* Operation.run(api, "/deployments", {
    json: { version: 7 },
    schema: Job,
    state: (body) => {
      if (!isJob(body) || body.phase === "broken") return "failed"
      return body.phase === "live" ? "succeeded" : "running"
    }
  })
  yield* Console.log(job.phase)
})
// #endregion

export const program = Effect.all([report, inTwoRuns, deployed], { discard: true })
