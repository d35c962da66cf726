/**
 * Connections that are reset anywhere: before a request, within it, between it and its answer, within that. A POST that
 * may have been executed must not be sent again; with an `Idempotency-Key` it may, under the same key.
 */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { round } from "@countersign/bench/Numbers"
import { serve } from "./countingServer.js"
import * as Stress from "../Stress.js"

/** Sends a request by its number; the header fields are the caller's. */
export type Post = (id: number, headers: Readonly<Record<string, string>>) => Effect.Effect<unknown, unknown>

/** A client of the server at a base URL. */
export type Client = (baseUrl: string) => Effect.Effect<Post, unknown, Scope.Scope>

/** Our client as it comes, with every policy on. */
export const ours: Client = (baseUrl) =>
  Effect.gen(function* () {
    const client = yield* ApiClient.make({ baseUrl, auth: Auth.none })
    const post: Post = (id, headers) => client.post("/orders", { json: { id, note: "x".repeat(100) }, headers })
    return post
  }).pipe(Effect.provideServiceEffect(HttpClient.HttpClient, NodeTransport.make()))

/** What came of many calls. A call is what the caller made of it, a send what the server executed. */
interface Counted {
  readonly calls: number
  readonly succeeded: number
  readonly failed: number
  /** Failures that are not the client's own, among them defects. */
  readonly untyped: number
  readonly sends: number
  readonly mostSends: number
  /** The most keys that one call was sent under. */
  readonly mostKeys: number
  /** Calls that failed and were executed all the same: each would be a duplicate, were it sent again. */
  readonly executedYetFailed: number
  readonly succeededYetNever: number
  readonly resets: number
  readonly goodPercent: number
}

/** The figures of both variants. */
export interface Duplicates extends Stress.Measurements {
  /** Without a key. */
  readonly plain: Counted & Stress.Measurements
  /** With a key of the caller's. */
  readonly keyed: Counted & Stress.Measurements
}

/** A connection lasts a handful of calls, and may break at every byte of them, on its way there or back. */
const cut = [FaultProxy.Toxic.Reset({ after: [0, 2000], probability: 0.8 })]

/** What the client says of a call. */
type Outcome = "succeeded" | "failed" | "untyped"

const isTyped = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "_tag" in error &&
  (error._tag === "TransportError" || error._tag === "Timeout")

const outcome = (call: Effect.Effect<unknown, unknown>): Effect.Effect<Outcome> =>
  call.pipe(
    Effect.match({
      onFailure: (error): Outcome => (isTyped(error) ? "failed" : "untyped"),
      onSuccess: (): Outcome => "succeeded"
    }),
    Effect.catchAllDefect(() => Effect.succeed<Outcome>("untyped"))
  )

const run = (client: Client, calls: number, headersOf: (id: number) => Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const { entries, port } = yield* serve
    const proxy = yield* FaultProxy.make({ port, seed: "duplicates", up: cut, down: cut })
    const post = yield* client(proxy.baseUrl)
    const ids = Array.from({ length: calls }, (_, id) => id)
    const outcomes = yield* Effect.forEach(ids, (id) => outcome(post(id, headersOf(id))), { concurrency: 50 })
    const executions = ids.map((id) => entries.get(id)?.executions ?? 0)
    const among = (is: (outcome: Outcome, executions: number) => boolean): number =>
      outcomes.filter((one, id) => is(one, executions[id] ?? 0)).length
    const succeeded = among((one) => one === "succeeded")
    const counted = {
      calls,
      succeeded,
      failed: calls - succeeded,
      untyped: among((one) => one === "untyped"),
      sends: executions.reduce((sum, one) => sum + one, 0),
      mostSends: Math.max(...executions),
      mostKeys: Math.max(...ids.map((id) => entries.get(id)?.keys.size ?? 0)),
      executedYetFailed: among((one, times) => one !== "succeeded" && times > 0),
      succeededYetNever: among((one, times) => one === "succeeded" && times === 0),
      resets: (yield* proxy.counts).cuts,
      goodPercent: round((100 * succeeded) / calls, 2)
    } satisfies Counted
    return counted
  }).pipe(Effect.scoped, Effect.mapError(Stress.cannotRun))

/** Calls a server through a client, without keys and with them: in short so often. */
export const measure =
  (client: Client, shortly = 500) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Duplicates, Stress.CannotRun> =>
    Effect.gen(function* () {
      const calls = short ? shortly : 10_000
      yield* reportProgress(`${calls} POSTs through connections that are reset`)
      const plain = yield* run(client, calls, () => ({}))
      yield* reportProgress(`${calls} POSTs with an Idempotency-Key`)
      const keyed = yield* run(client, calls, (id) => ({ "idempotency-key": `order-${id}` }))
      return { plain, keyed }
    })

/** What is promised of them. The first two say that there was something to be afraid of. */
export const promises: Stress.Assertions<Duplicates> = {
  "one call in twenty or more meets a reset": ({ keyed, plain }) =>
    plain.resets >= plain.calls / 20 && keyed.resets >= keyed.calls / 20,
  "calls fail that were executed": ({ plain }) => plain.executedYetFailed > 0,
  "no call is executed twice": ({ plain }) => plain.mostSends <= 1,
  "what succeeds has been executed": ({ keyed, plain }) => plain.succeededYetNever + keyed.succeededYetNever === 0,
  "what fails is a TransportError or a Timeout": ({ keyed, plain }) => plain.untyped + keyed.untyped === 0,
  "a call with a key is sent again": ({ keyed }) => keyed.sends > keyed.calls,
  "all its sends have the one key": ({ keyed }) => keyed.mostKeys === 1,
  "a key takes half of the failures away, or more": ({ keyed, plain }) => keyed.failed <= plain.failed / 2
}

/** The case. */
export const duplicates: Stress.Stress = Stress.make("duplicates", measure(ours), promises)
