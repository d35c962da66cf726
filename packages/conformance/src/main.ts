/**
 * `npm run conformance`: OAuth 2 and OpenID Connect against authorization servers of other projects and simulated providers, and
 * the HTTP cache against a public suite. See `docs/reference/conformance.md`.
 *
 *     npm run -s conformance -- oidc-provider           a table, progress on standard error
 *     npm run -s conformance -- oidc-provider --json    one line of JSON on standard output
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Case from "./Case.js"
import { ours } from "./Client.js"
import * as Options from "./Options.js"
import * as Report from "./Report.js"
import type { Server } from "./servers.js"
import { runtimeMatrix, servers } from "./servers.js"

const all = [...servers, runtimeMatrix]

/** Cases run at once: each has a separate server and mostly waits. */
const atOnce = 4

/** Time for servers and browsers to stop after the result. */
const farewell = "5 seconds"

const against = ({ cases, name }: Server): Effect.Effect<Report.Result> =>
  Effect.forEach(
    cases,
    (one) => Effect.tap(Case.run(one, ours), (outcome) => Console.error(`» ${Report.line(outcome)}`)),
    { concurrency: atOnce }
  ).pipe(Effect.map((outcomes) => ({ name, outcomes })))

const status = (args: ReadonlyArray<string>): Effect.Effect<number> =>
  Effect.gen(function* () {
    const { json, server } = yield* Options.parse(args, all)
    const result = yield* against(server)
    yield* Console.log(json ? Report.json(result) : Report.text(result))
    return Report.isOk(result) ? 0 : 1
  }).pipe(Effect.catchTag("UsageError", ({ message }) => Effect.as(Console.error(message), 2)))

const args = process.argv.slice(2)
const help = Effect.as(Console.error(Options.usage(all)), 0)
const main = Effect.map(args.includes("--help") ? help : status(args), (code) => {
  process.exitCode = code
  // Resources of a case that do not close must not delay the exit.
  setTimeout(() => process.exit(), Duration.toMillis(farewell)).unref()
})

NodeRuntime.runMain(main, { disablePrettyLogger: true })
