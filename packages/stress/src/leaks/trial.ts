/** Makes the call of each case, and looks for its secrets everywhere. */
import * as Timeline from "@countersign/client/Timeline"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import { PCGRandom } from "effect/Utils"
import type { Caller, Order } from "./caller.js"
import * as Canary from "./canary.js"
import type { Cell } from "./matrix.js"
import type { Put } from "./credentialLocation.js"
import type { Shown } from "./outputSinks.js"
import { deepInspect, printed, shown, OutputSinks } from "./outputSinks.js"
import type { Play, Received } from "./fakeServers.js"
import { baseUrlOf } from "./fakeServers.js"
import type { Network } from "./network.js"
import { originsOf } from "./network.js"

/** What came of a case. */
export interface Verdict {
  readonly cell: Cell
  readonly isReal: boolean
  /** Where its credential was found that it may not be. */
  readonly leaks: ReadonlyArray<Shown | "wire">
  /** Whether the credential came to where it belongs: nothing leaks of what is not sent. */
  readonly hasArrived: boolean
  /** Whether another origin was asked: nothing goes astray on a way that is not gone. */
  readonly hasCrossed: boolean
  /** Whether the credential went along on a redirect within its origin; undefined where there was none. */
  readonly wentAlong: boolean | undefined
  readonly hasFailed: boolean
}

interface Prepared {
  readonly cell: Cell
  readonly put: Put
  readonly secret: Canary.Canary
  readonly play: Play
  readonly world: Network
}

const prepare = (cell: Cell, world: Network, random: PCGRandom): Prepared => {
  const { place, quotes } = cell
  const secret = place.trace === true ? Canary.makeTrace(random) : Canary.make(random)
  const put = place.put(secret.value)
  const play: Play = {
    cell,
    origins: originsOf(cell, world.portOf),
    quoted: quotes && place.quoted === true ? secret : undefined,
    signature: Canary.make(random),
    cookie: put.cookie
  }
  return { cell, put, secret, play, world }
}

const show = (sinks: OutputSinks, exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit)) {
    sinks.note("answers", [printed(exit.value), deepInspect(exit.value)].join("\n"))
    return Effect.logInfo("answered", exit.value)
  }
  const error = Cause.squash(exit.cause)
  sinks.note(
    "errors",
    [Cause.pretty(exit.cause), printed(exit.cause), printed(error), printed(exit), deepInspect(error)].join("\n")
  )
  return Effect.logError("failed", exit.cause).pipe(
    Effect.zipRight(Effect.logWarning(error)),
    Effect.annotateLogs("error", error)
  )
}

const call = (caller: Caller, sinks: OutputSinks, { cell, play, put, world }: Prepared) => {
  const origins = cell.isOwn ? [play.origins.b] : []
  const order: Order = { cell, put, baseUrl: baseUrlOf(play), origins, transport: world.transport }
  const around = put.traceId && Tracer.externalSpan({ traceId: put.traceId, spanId: "00f067aa0ba902b7", sampled: true })
  const traced = Effect.withSpan(
    Effect.suspend(() => caller(order)),
    "caller"
  )
  return Effect.gen(function* () {
    const { events, exit } = yield* Timeline.record(around ? Effect.withParentSpan(traced, around) : traced)
    sinks.note("timeline", events.map(printed).join("\n"))
    yield* show(sinks, exit)
    return exit
  })
}

/** Where the wire may take a credential. Whose it is as a whole host's, no port keeps from it. */
const belongsAt = ({ cell, play: { origins } }: Prepared): ((origin: string) => boolean) => {
  const home = [origins.a, ...(cell.isOwn ? [origins.b] : [])].map((origin) => new URL(origin))
  return (origin) =>
    cell.place.ofHost === true && URL.canParse(origin)
      ? new URL(origin).hostname === home[0]?.hostname
      : home.some((one) => one.origin === origin)
}

/** The requests of a case at a step, whatever the origin. */
const atStep = (received: ReadonlyArray<Hay>, { cell: { id } }: Prepared, step: string): ReadonlyArray<Hay> =>
  received.filter(({ text }) => text.includes(`/leaks/${id}/${step}`))

/** What a server got, fit to be searched. */
interface Hay extends Received {
  readonly hay: Canary.Haystack
}

const judge = (
  prepared: Prepared,
  exit: Exit.Exit<unknown, unknown>,
  received: ReadonlyArray<Hay>,
  texts: Readonly<Record<Shown, Canary.Haystack>>
): Verdict => {
  const { cell, play, secret, world } = prepared
  const isAtHome = belongsAt(prepared)
  const got = received.filter(({ hay }) => Canary.isIn(secret, hay))
  const second = cell.hops[1] === "a" && cell.place.once !== true ? atStep(received, prepared, "1") : []
  const isShown = (sink: Shown): boolean =>
    Canary.isIn(play.signature, texts[sink]) || (cell.place.shown !== true && Canary.isIn(secret, texts[sink]))
  return {
    cell,
    isReal: world.isReal,
    leaks: [...(got.some(({ origin }) => !isAtHome(origin)) ? (["wire"] as const) : []), ...shown.filter(isShown)],
    hasArrived: got.some(({ origin }) => isAtHome(origin)),
    hasCrossed: atStep(received, prepared, "").some(({ origin }) => !isAtHome(origin)),
    wentAlong: second.length === 0 ? undefined : second.every(({ hay }) => Canary.isIn(secret, hay)),
    hasFailed: Exit.isFailure(exit)
  }
}

/** Cases that are made side by side, and looked through together. */
const together = 16

/** Runs cases in a world; the secrets are of the seed. */
export const run = (
  caller: Caller,
  cells: ReadonlyArray<Cell>,
  world: Network,
  seed: number,
  done: (cases: number) => Effect.Effect<void>
): Effect.Effect<ReadonlyArray<Verdict>> =>
  Effect.gen(function* () {
    const random = new PCGRandom(seed)
    const sinks = new OutputSinks()
    const verdicts: Array<Verdict> = []
    for (let from = 0; from < cells.length; from += together) {
      const batch = cells.slice(from, from + together).map((cell) => prepare(cell, world, random))
      for (const { play } of batch) world.stage.add(play)
      const calls = batch.map((prepared) => call(caller, sinks, prepared))
      const exits = yield* sinks.around(Effect.all(calls, { concurrency: "unbounded" }))
      verdicts.push(...judged(batch, exits, world, sinks))
      yield* done(verdicts.length)
    }
    return verdicts
  })

const judged = (
  batch: ReadonlyArray<Prepared>,
  exits: ReadonlyArray<Exit.Exit<unknown, unknown>>,
  world: Network,
  sinks: OutputSinks
): ReadonlyArray<Verdict> => {
  const received = world.stage.taken().map((one) => ({ ...one, hay: Canary.haystack(one.text) }))
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
    return exit === undefined ? [] : [judge(prepared, exit, received, texts)]
  })
}
