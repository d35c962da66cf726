/** One step of the tutorial, and what a run observed. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Timeline from "@countersign/client/Timeline"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Target } from "./Target.js"

/** The observed values, and whether they are the expected ones. */
export interface Outcome {
  readonly ok: boolean
  readonly observed: Readonly<Record<string, unknown>>
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly run: Effect.Effect<Outcome, unknown, Target | HttpClient.HttpClient | Scope.Scope>
}

/** An event of the timeline, in milliseconds since the scenario began. */
export type TimelineEntry = Timeline.Event

export interface Result extends Outcome {
  readonly name: string
  readonly title: string
  readonly timeline: ReadonlyArray<TimelineEntry>
}

/** A client of the target with these options. */
export const client = <E = never>(options: Omit<ApiClient.Options<E>, "baseUrl">) =>
  Effect.gen(function* () {
    const { baseUrl } = yield* Target
    return yield* ApiClient.make({ ...options, baseUrl, auth: options.auth ?? Auth.none })
  })

export const sendsOf = (events: ReadonlyArray<Timeline.Event>): number =>
  events.filter(({ _tag }) => _tag === "RequestSent").length

export const waitsOf = (events: ReadonlyArray<Timeline.Event>): ReadonlyArray<number> =>
  events.flatMap((event) => (event._tag === "RetryScheduled" ? [Math.round(event.ms)] : []))

/** The error of a call that must fail. If the call succeeds, the scenario reports that. */
export const errorOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<E | undefined, never, R> =>
  Effect.match(effect, { onSuccess: () => undefined, onFailure: (error) => error })

/** Describes the failure of a scenario: a failed scenario is a result and does not stop the demo. */
const describe = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Runs a scenario. Failures and defects become results. */
export const run = ({ name, run: scenario, title }: Scenario) =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const timeline: Array<TimelineEntry> = []
    const outcome = yield* Effect.scoped(scenario).pipe(
      Effect.timeout("30 seconds"),
      Timeline.observe((event) => timeline.push({ ...event, at: event.at - began })),
      Effect.sandbox,
      Effect.catchAll((cause) =>
        Effect.succeed<Outcome>({
          ok: false,
          observed: { failure: describe(cause._tag === "Fail" ? cause.error : cause) }
        })
      )
    )
    return { name, title, ...outcome, timeline } satisfies Result
  })
