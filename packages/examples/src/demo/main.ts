/**
 * `npm run demo`: every scenario of the tutorial, on a real server.
 *
 *     npm run demo                                  against the embedded HttpBin
 *     npm run demo -- --base-url http://host:port   against any httpbin
 *     npm run -s demo -- --json                     one JSON object on standard output
 *     npm run demo -- --redis redis://host:port     three processes that share a token and a throttle in Redis
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as RequestDefaults from "@countersign/client/RequestDefaults"
import { InvalidRequest } from "@countersign/client/Errors"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { parseArgs } from "node:util"
import * as Fleet from "./fleet/fleet.js"
import * as FleetReport from "./fleet/FleetReport.js"
import * as Report from "./Report.js"
import * as Scenario from "./Scenario.js"
import { scenarios } from "./scenarios.js"
import * as Target from "./Target.js"

const usage = "Usage: npm run demo -- [--base-url http://127.0.0.1:8080 | --redis redis://127.0.0.1:6379] [--json]"

class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

const parsed = Effect.try({
  try: () =>
    parseArgs({
      options: {
        "base-url": { type: "string" },
        redis: { type: "string" },
        json: { type: "boolean", default: false }
      }
    }).values,
  catch: (cause) => new UsageError({ message: `${cause instanceof Error ? cause.message : String(cause)}\n${usage}` })
})

const options = Effect.filterOrFail(
  parsed,
  (given) => given.redis === undefined || given["base-url"] === undefined,
  () => new UsageError({ message: `\`--redis\` starts its own API. Remove \`--base-url\`.\n${usage}` })
)

/** Validated once here, so that an invalid URL gives one error, and not one for each scenario. */
const checked = (baseUrl: string | undefined) =>
  baseUrl === undefined ? Effect.succeed(undefined) : Effect.as(RequestDefaults.validate({ baseUrl }), baseUrl)

const demo = (json: boolean) =>
  Effect.gen(function* () {
    const { baseUrl } = yield* Target.Target
    if (!json) yield* Console.log(`The tutorial, against ${baseUrl}\n`)
    const results = yield* Effect.forEach(scenarios, (scenario) =>
      Effect.tap(Scenario.run(scenario), (result) => (json ? Effect.void : Console.log(Report.scenarioText(result))))
    )
    yield* Console.log(json ? Report.json(baseUrl, results) : Report.summaryText(results))
    return results.every(({ ok }) => ok)
  })

const fleet = (redisUrl: string, json: boolean) =>
  Effect.gen(function* () {
    if (!json) yield* Console.log("Three processes share a token and a throttle in Redis\n")
    const result = yield* Effect.scoped(Fleet.run(redisUrl))
    yield* Console.log(json ? FleetReport.json(result) : FleetReport.text(result))
    return result.ok
  })

const main = Effect.gen(function* () {
  const { "base-url": given, json, redis } = yield* options
  const layer = Layer.merge(Target.layer(yield* checked(given)), NodeTransport.layer)
  return yield* Effect.provide(redis === undefined ? demo(json) : fleet(redis, json), layer)
}).pipe(
  // Logs go to standard error, because standard output is for the result.
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
  Effect.catchAll((error) =>
    Effect.as(Console.error(error instanceof InvalidRequest ? `${error.message}\n${usage}` : error.message), false)
  ),
  Effect.map((ok) => {
    process.exitCode = ok ? 0 : 1
  })
)

NodeRuntime.runMain(main, { disablePrettyLogger: true })
