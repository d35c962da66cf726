/**
 * `npm run stress`: how a client behaves with failing networks and hostile servers. See `docs/reference/stress.md`.
 *
 *     npm run -s stress -- all --short --retry    a few seconds each, as in CI
 *     npm run -s stress -- hostile --json         one line of JSON on standard output
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Attempts from "./Attempts.js"
import { cases } from "./cases.js"
import type { Options } from "./Options.js"
import { parse, usage } from "./Options.js"
import * as Report from "./Report.js"
import { cannotRun, type Stress } from "./Stress.js"

const runCase = (one: Stress, { json, retry, short }: Options): Effect.Effect<boolean> => {
  const { name } = one
  const print = (message: string) => Console.error(`» ${name}: ${message}`)
  return Attempts.run(one, { print, retry, short }).pipe(
    Effect.tap((outcome) => Console.log(json ? Report.json(outcome) : Report.text(outcome))),
    Effect.map(({ ok }) => ok),
    Effect.catchTag("CannotRun", ({ message }) => Effect.as(print(`could not be run: ${message}`), false)),
    Effect.catchAllDefect((defect) => Effect.as(print(`failed with a defect: ${cannotRun(defect).message}`), false))
  )
}

const status = (args: ReadonlyArray<string>): Effect.Effect<number> =>
  Effect.flatMap(parse(args, cases), (options) =>
    Effect.map(
      Effect.forEach(options.selected, (chosen) => runCase(chosen, options)),
      (oks) => (oks.every((ok) => ok) ? 0 : 1)
    )
  ).pipe(Effect.catchTag("UsageError", ({ message }) => Effect.as(Console.error(message), 2)))

const args = process.argv.slice(2)
const main = Effect.map(args.includes("--help") ? Effect.as(Console.error(usage(cases)), 0) : status(args), (code) => {
  process.exitCode = code
})

NodeRuntime.runMain(main, { disablePrettyLogger: true })
