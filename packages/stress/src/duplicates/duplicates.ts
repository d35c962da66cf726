/**
 * Connections that are reset before a request, during it, after it, or during the response. A POST that may have been
 * executed must not be retried. With an `Idempotency-Key` it may be, with the same key.
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

/** Sends the request with this id, with header fields of the caller. */
export type Post = (id: number, headers: Readonly<Record<string, string>>) => Effect.Effect<unknown, unknown>

/** Makes a client for the server at a base URL. */
export type Client = (baseUrl: string) => Effect.Effect<Post, unknown, Scope.Scope>

/** Our client with defaults, which have every policy. */
export const ours: Client = (baseUrl) =>
  Effect.gen(function* () {
    const client = yield* ApiClient.make({ baseUrl, auth: Auth.none })
    const post: Post = (id, headers) => client.post("/orders", { json: { id, note: "x".repeat(100) }, headers })
    return post
  }).pipe(Effect.provideServiceEffect(HttpClient.HttpClient, NodeTransport.make()))

/** Counts of calls by their result, and of requests that the server executed. */
interface Counted {
  readonly calls: number
  readonly succeeded: number
  readonly failed: number
  /** Failures with another error than the client's, defects included. */
  readonly untyped: number
  readonly sends: number
  readonly mostSends: number
  /** Largest number of keys that one call was sent with. */
  readonly mostKeys: number
  /** Failed calls that were executed. A retry would duplicate each of them. */
  readonly executedYetFailed: number
  readonly succeededYetNever: number
  readonly resets: number
  readonly goodPercent: number
}

/** Figures without and with keys. */
export interface Duplicates extends Stress.Measurements {
  /** Without a key. */
  readonly plain: Counted & Stress.Measurements
  /** With a key of the caller. */
  readonly keyed: Counted & Stress.Measurements
}

/** A connection lasts some calls, and may be reset at any byte in either direction. */
const cut = [FaultProxy.Toxic.Reset({ after: [0, 2000], probability: 0.8 })]

/** Result of a call. */
type CallResult = "succeeded" | "failed" | "untyped"

const isTyped = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "_tag" in error &&
  (error._tag === "TransportError" || error._tag === "Timeout")

const resultOf = (call: Effect.Effect<unknown, unknown>): Effect.Effect<CallResult> =>
  call.pipe(
    Effect.match({
      onFailure: (error): CallResult => (isTyped(error) ? "failed" : "untyped"),
      onSuccess: (): CallResult => "succeeded"
    }),
    Effect.catchAllDefect(() => Effect.succeed<CallResult>("untyped"))
  )

const run = (client: Client, calls: number, headersOf: (id: number) => Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const { entries, port } = yield* serve
    const proxy = yield* FaultProxy.make({ port, seed: "duplicates", up: cut, down: cut })
    const post = yield* client(proxy.baseUrl)
    const ids = Array.from({ length: calls }, (_, id) => id)
    const results = yield* Effect.forEach(ids, (id) => resultOf(post(id, headersOf(id))), { concurrency: 50 })
    const executions = ids.map((id) => entries.get(id)?.executions ?? 0)
    const countWhere = (is: (resultOf: CallResult, executions: number) => boolean): number =>
      results.filter((one, id) => is(one, executions[id] ?? 0)).length
    const succeeded = countWhere((one) => one === "succeeded")
    const counted = {
      calls,
      succeeded,
      failed: calls - succeeded,
      untyped: countWhere((one) => one === "untyped"),
      sends: executions.reduce((sum, one) => sum + one, 0),
      mostSends: Math.max(...executions),
      mostKeys: Math.max(...ids.map((id) => entries.get(id)?.keys.size ?? 0)),
      executedYetFailed: countWhere((one, times) => one !== "succeeded" && times > 0),
      succeededYetNever: countWhere((one, times) => one === "succeeded" && times === 0),
      resets: (yield* proxy.counts).cuts,
      goodPercent: round((100 * succeeded) / calls, 2)
    } satisfies Counted
    return counted
  }).pipe(Effect.scoped, Effect.mapError(Stress.cannotRun))

/** Measures a client without and with keys. In the short form it makes `shortly` calls. */
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

/** Assertions on the figures. The first two verify that resets happen and matter. */
export const assertions: Stress.Assertions<Duplicates> = {
  "at least one connection is reset per 20 calls": ({ keyed, plain }) =>
    plain.resets >= plain.calls / 20 && keyed.resets >= keyed.calls / 20,
  "some calls fail although the server executed them": ({ plain }) => plain.executedYetFailed > 0,
  "no call without a key is executed twice": ({ plain }) => plain.mostSends <= 1,
  "every successful call was executed": ({ keyed, plain }) => plain.succeededYetNever + keyed.succeededYetNever === 0,
  "every failure is a TransportError or a Timeout": ({ keyed, plain }) => plain.untyped + keyed.untyped === 0,
  "calls with a key are retried": ({ keyed }) => keyed.sends > keyed.calls,
  "all requests of a call have the same key": ({ keyed }) => keyed.mostKeys === 1,
  "with a key at most half as many calls fail": ({ keyed, plain }) => keyed.failed <= plain.failed / 2
}

/** The case. */
export const duplicates: Stress.Stress = Stress.make("duplicates", measure(ours), assertions)
