/** One case of `npm run conformance`: a flow that must succeed at a real server, or an attack that the client must reject. */
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

/** The client did not do what the case expects. */
export class CaseFailed extends Data.TaggedError("CaseFailed")<{ readonly message: string }> {}

/** The case cannot run on this machine: a program is missing. */
export class CaseSkipped extends Data.TaggedError("CaseSkipped")<{ readonly message: string }> {}

/** An error that ends a case. Every error except {@link CaseSkipped} is a failure of the client. */
interface Failure {
  readonly _tag: string
  readonly message: string
}

/** A case: returns what it observed, or fails. The client is an argument, so that tests can pass a broken one. */
export interface Case {
  readonly name: string
  /** Whether the case is an attack or a failure. For each of these a test runs a broken client, which must fail. */
  readonly isAttack: boolean
  /** Maximum time (60 seconds). */
  readonly timeout?: Duration.DurationInput | undefined
  readonly run: (client: Client) => Effect.Effect<string, Failure, HttpClient.HttpClient | Scope.Scope>
}

/** Result of a case. `ok` is false for a skipped case. */
export interface CaseResult {
  readonly name: string
  readonly ok: boolean
  readonly observed: string
  readonly skipped?: true
}

/** A case in which the client must succeed. */
export const succeeds = (name: string, run: Case["run"]): Case => ({ name, isAttack: false, run })

/** A case with an attack or a failure, which the client must detect. */
export const rejects = (name: string, run: Case["run"]): Case => ({ name, isAttack: true, run })

/** Longer than any case takes, including a browser on a busy machine. */
const caseTimeout: Duration.DurationInput = "60 seconds"

const describeFailure = (cause: Cause.Cause<Failure>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

/** Runs a case with a client. It ends after `timeout` at the latest. */
export const run = (
  { name, run, timeout: own = caseTimeout }: Case,
  client: Client,
  timeout: Duration.DurationInput = own
): Effect.Effect<CaseResult> =>
  run(client).pipe(
    // The cases cause the client's warnings.
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.scoped,
    Effect.provideServiceEffect(HttpClient.HttpClient, Effect.map(NodeTransport.make(), client.http)),
    Effect.scoped,
    Effect.disconnect,
    Effect.timeoutFail({ duration: timeout, onTimeout: () => new CaseFailed({ message: "it did not end" }) }),
    Effect.map((observed) => ({ name, ok: true, observed })),
    Effect.catchTag("CaseSkipped", ({ message }) =>
      Effect.succeed({ name, ok: false, observed: message, skipped: true as const })
    ),
    Effect.catchAllCause((cause) => Effect.succeed({ name, ok: false, observed: describeFailure(cause) }))
  )
