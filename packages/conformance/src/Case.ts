/** One case of `npm run conformance`: something that a client has to bring about, or to see through, at a real server. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import type { Client } from "./Client.js"

/** The client did not do what it should have done. */
export class Wrong extends Data.TaggedError("Wrong")<{ readonly message: string }> {}

/** It cannot be found out here: something that the case needs is missing on this machine. */
export class Skipped extends Data.TaggedError("Skipped")<{ readonly message: string }> {}

/** Whatever ends a case before its end; other errors than {@link Skipped} are the client's. */
interface Failure {
  readonly _tag: string
  readonly message: string
}

/** A case. It says what was observed, or fails; it is given the client, so that a broken one can be put in its place. */
export interface Case {
  readonly name: string
  /** Whether somebody does harm here, or something fails: then a broken client shows that the case can tell. */
  readonly attack: boolean
  readonly run: (client: Client) => Effect.Effect<string, Failure, HttpClient.HttpClient | Scope.Scope>
}

/** What came of it: `ok` is not known of one that was skipped, and never true. */
export interface Outcome {
  readonly name: string
  readonly ok: boolean
  readonly observed: string
  readonly skipped?: true
}

/** What works. */
export const works = (name: string, run: Case["run"]): Case => ({ name, attack: false, run })

/** What somebody tries, or what fails, and has to be seen through. */
export const attack = (name: string, run: Case["run"]): Case => ({ name, attack: true, run })

/** Longer than anything here takes, a browser on a busy machine among it. */
const longest: Duration.DurationInput = "60 seconds"

const told = (cause: Cause.Cause<Failure>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

/** Runs a case with a client; it ends, whatever the two do. */
export const run = (
  { name, run }: Case,
  client: Client,
  patience: Duration.DurationInput = longest
): Effect.Effect<Outcome> =>
  run(client).pipe(
    // What the client warns of is what the cases are about.
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.scoped,
    Effect.provideServiceEffect(HttpClient.HttpClient, Effect.map(NodeTransport.make(), client.http)),
    Effect.scoped,
    Effect.disconnect,
    Effect.timeoutFail({ duration: patience, onTimeout: () => new Wrong({ message: "it did not end" }) }),
    Effect.map((observed) => ({ name, ok: true, observed })),
    Effect.catchTag("Skipped", ({ message }) =>
      Effect.succeed({ name, ok: false, observed: message, skipped: true as const })
    ),
    Effect.catchAllCause((cause) => Effect.succeed({ name, ok: false, observed: told(cause) }))
  )
