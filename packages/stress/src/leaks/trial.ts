/** Makes the call of each case, and searches for its secrets. */
import * as Timeline from "@countersign/client/Timeline"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import { PCGRandom } from "effect/Utils"
import type { Caller, CallOptions } from "./caller.js"
import * as Canary from "./canary.js"
import type { Cell } from "./matrix.js"
import type { Put } from "./credentialLocation.js"
import type { Shown } from "./outputSinks.js"
import { deepInspect, allRenderings, shown, OutputSinks } from "./outputSinks.js"
import type { ServedCase, Received } from "./fakeServers.js"
import { baseUrlOf } from "./fakeServers.js"
import type { Network } from "./network.js"
import { originsOf } from "./network.js"

/** Result of a case. */
export interface CaseResult {
  readonly cell: Cell
  readonly isReal: boolean
  /** Places where the credential was found but must not be. */
  readonly leaks: ReadonlyArray<Shown | "wire">
  /** Whether the credential reached its own origin. Otherwise nothing could leak. */
  readonly hasArrived: boolean
  /** Whether another origin received a request. Otherwise nothing could leak there. */
  readonly hasCrossed: boolean
  /** Whether the credential was sent along on a redirect within its origin. Undefined without such a redirect. */
  readonly wentAlong: boolean | undefined
  readonly hasFailed: boolean
}

interface Prepared {
  readonly cell: Cell
  readonly put: Put
  readonly secret: Canary.Canary
  readonly served: ServedCase
  readonly network: Network
}

const prepare = (cell: Cell, network: Network, random: PCGRandom): Prepared => {
  const { place, quotes } = cell
  const secret = place.trace === true ? Canary.makeTrace(random) : Canary.make(random)
  const put = place.put(secret.value)
  const served: ServedCase = {
    cell,
    origins: originsOf(cell, network.portOf),
    quoted: quotes && place.quoted === true ? secret : undefined,
    signature: Canary.make(random),
    cookie: put.cookie
  }
  return { cell, put, secret, served, network }
}

const printExit = (sinks: OutputSinks, exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit)) {
    sinks.note("answers", [allRenderings(exit.value), deepInspect(exit.value)].join("\n"))
    return Effect.logInfo("answered", exit.value)
  }
  const error = Cause.squash(exit.cause)
  sinks.note(
    "errors",
    [
      Cause.pretty(exit.cause),
      allRenderings(exit.cause),
      allRenderings(error),
      allRenderings(exit),
      deepInspect(error)
    ].join("\n")
  )
  return Effect.logError("failed", exit.cause).pipe(
    Effect.zipRight(Effect.logWarning(error)),
    Effect.annotateLogs("error", error)
  )
}

const call = (caller: Caller, sinks: OutputSinks, { cell, served, put, network }: Prepared) => {
  const origins = cell.isOwn ? [served.origins.b] : []
  const order: CallOptions = { cell, put, baseUrl: baseUrlOf(served), origins, transport: network.transport }
  const around = put.traceId && Tracer.externalSpan({ traceId: put.traceId, spanId: "00f067aa0ba902b7", sampled: true })
  const traced = Effect.withSpan(
    Effect.suspend(() => caller(order)),
    "caller"
  )
  return Effect.gen(function* () {
    const { events, exit } = yield* Timeline.record(around ? Effect.withParentSpan(traced, around) : traced)
    sinks.note("timeline", events.map(allRenderings).join("\n"))
    yield* printExit(sinks, exit)
    return exit
  })
}

/** Origins that may receive a credential. A credential of a host may be sent to all its ports. */
const belongsAt = ({ cell, served: { origins } }: Prepared): ((origin: string) => boolean) => {
  const home = [origins.a, ...(cell.isOwn ? [origins.b] : [])].map((origin) => new URL(origin))
  return (origin) =>
    cell.place.ofHost === true && URL.canParse(origin)
      ? new URL(origin).hostname === home[0]?.hostname
      : home.some((one) => one.origin === origin)
}

/** Requests of a case at a step, at any origin. */
const atStep = (received: ReadonlyArray<Hay>, { cell: { id } }: Prepared, step: string): ReadonlyArray<Hay> =>
  received.filter(({ text }) => text.includes(`/leaks/${id}/${step}`))

/** A received request, prepared for a search. */
interface Hay extends Received {
  readonly hay: Canary.Haystack
}

const evaluate = (
  prepared: Prepared,
  exit: Exit.Exit<unknown, unknown>,
  received: ReadonlyArray<Hay>,
  texts: Readonly<Record<Shown, Canary.Haystack>>
): CaseResult => {
  const { cell, served, secret, network } = prepared
  const isAtHome = belongsAt(prepared)
  const got = received.filter(({ hay }) => Canary.isIn(secret, hay))
  const second = cell.hops[1] === "a" && cell.place.once !== true ? atStep(received, prepared, "1") : []
  const isShown = (sink: Shown): boolean =>
    Canary.isIn(served.signature, texts[sink]) || (cell.place.shown !== true && Canary.isIn(secret, texts[sink]))
  return {
    cell,
    isReal: network.isReal,
    leaks: [...(got.some(({ origin }) => !isAtHome(origin)) ? (["wire"] as const) : []), ...shown.filter(isShown)],
    hasArrived: got.some(({ origin }) => isAtHome(origin)),
    hasCrossed: atStep(received, prepared, "").some(({ origin }) => !isAtHome(origin)),
    wentAlong: second.length === 0 ? undefined : second.every(({ hay }) => Canary.isIn(secret, hay)),
    hasFailed: Exit.isFailure(exit)
  }
}

/** Number of cases that run concurrently, and are searched together. */
const batchSize = 16

/** Runs cases in a network. The seed determines the secrets. */
export const run = (
  caller: Caller,
  cells: ReadonlyArray<Cell>,
  network: Network,
  seed: number,
  done: (cases: number) => Effect.Effect<void>
): Effect.Effect<ReadonlyArray<CaseResult>> =>
  Effect.gen(function* () {
    const random = new PCGRandom(seed)
    const sinks = new OutputSinks()
    const results: Array<CaseResult> = []
    for (let from = 0; from < cells.length; from += batchSize) {
      const batch = cells.slice(from, from + batchSize).map((cell) => prepare(cell, network, random))
      for (const { served } of batch) network.servers.add(served)
      const calls = batch.map((prepared) => call(caller, sinks, prepared))
      const exits = yield* sinks.around(Effect.all(calls, { concurrency: "unbounded" }))
      results.push(...evaluateAll(batch, exits, network, sinks))
      yield* done(results.length)
    }
    return results
  })

const evaluateAll = (
  batch: ReadonlyArray<Prepared>,
  exits: ReadonlyArray<Exit.Exit<unknown, unknown>>,
  network: Network,
  sinks: OutputSinks
): ReadonlyArray<CaseResult> => {
  const received = network.servers.taken().map((one) => ({ ...one, hay: Canary.haystack(one.text) }))
  const taken = sinks.taken()
  const texts: Readonly<Record<Shown, Canary.Haystack>> = {
    logs: Canary.haystack(taken.logs),
    spans: Canary.haystack(taken.spans),
    metrics: Canary.haystack(taken.metrics),
    timeline: Canary.haystack(taken.timeline),
    errors: Canary.haystack(taken.errors),
    answers: Canary.haystack(taken.answers)
  }
  return batch.flatMap((prepared, index) => {
    const exit = exits[index]
    return exit === undefined ? [] : [evaluate(prepared, exit, received, texts)]
  })
}
