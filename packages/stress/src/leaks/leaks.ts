/**
 * Redirects to wherever a server likes, and a credential wherever one can be: it goes to the origin that it belongs to and to
 * no other, and nothing that is logged, traced, measured or printed shows it. A client that leaks is caught each time.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Caller } from "./caller.js"
import { ours } from "./caller.js"
import { certificates } from "./certificates.js"
import { leaky } from "./leakyClient.js"
import type { Cell } from "./matrix.js"
import { deals } from "./matrix.js"
import * as memory from "./memoryNetwork.js"
import { loopback } from "./loopbackNames.js"
import { serve } from "./socketServers.js"
import { FakeServers } from "./fakeServers.js"
import { transports } from "./transports.js"
import type { Verdict } from "./trial.js"
import * as Trial from "./trial.js"
import type { Network } from "./network.js"
import * as Stress from "../Stress.js"

/** The figures. */
export interface Leaks extends Stress.Measurements {
  /** Cases in each of which a credential could go astray, and those of them over real sockets, by transport. */
  readonly cases: number
  readonly sockets: number
  readonly byTransport: Readonly<Record<string, number>>
  /** Cases whose credential came to where it belongs. */
  readonly arrived: number
  /** Cases that went on to an origin which may not have the credential. */
  readonly crossed: number
  /** Cases with a redirect within the credential's origin, and those where it went along. */
  readonly stayed: number
  readonly wentAlong: number
  /** Times that a credential was found where it may not be, in how many cases, and where. */
  readonly leaks: number
  readonly leakyCases: number
  readonly bySink: Readonly<Record<string, number>>
  readonly examples: string
  /** Cases in which a client that leaks was caught at everything that it does, and the first in which it was not. */
  readonly caught: number
  readonly missed: string
}

const inMemory = "memory"

/** Where a client that leaks is to be caught: everywhere, and in the error or the answer, whichever there is. */
const sinksOf = ({ cell, hasFailed }: Verdict): ReadonlyArray<Verdict["leaks"][number]> => {
  if (cell.place.shown === true) return ["wire"]
  return ["wire", "logs", "spans", "metrics", "timeline", hasFailed ? "errors" : "answers"]
}

const isCaught = (verdict: Verdict): boolean => sinksOf(verdict).every((sink) => verdict.leaks.includes(sink))

/** A case in words, to find it again. */
const told = ({ cell, leaks }: Verdict): string => {
  const { place, transport, ...rest } = cell
  return `${leaks.join(" and ")}: ${place.name} over ${transport}, ${JSON.stringify(rest)}`
}

const counted = (names: ReadonlyArray<string>): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

const figuresOf = (found: ReadonlyArray<Verdict>, leaking: ReadonlyArray<Verdict>): Leaks => {
  const leaky = found.filter(({ leaks }) => leaks.length > 0)
  const sinks = leaky.flatMap(({ leaks }) => leaks)
  const missed = leaking.filter((verdict) => !isCaught(verdict))
  return {
    cases: found.length,
    sockets: found.filter(({ isReal }) => isReal).length,
    byTransport: counted(found.map(({ cell }) => cell.transport)),
    arrived: found.filter(({ hasArrived }) => hasArrived).length,
    crossed: found.filter(({ hasCrossed }) => hasCrossed).length,
    stayed: found.filter(({ wentAlong }) => wentAlong !== undefined).length,
    wentAlong: found.filter(({ wentAlong }) => wentAlong === true).length,
    leaks: sinks.length,
    leakyCases: leaky.length,
    bySink: counted(sinks),
    examples: leaky.slice(0, 5).map(told).join("; "),
    caught: leaking.length - missed.length,
    missed: missed.slice(0, 3).map(told).join("; ")
  }
}

/** A world for each name of a transport: with stages of their own, and the same servers for all that are real. */
const worlds = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* loopback
    const stage = new FakeServers()
    const identity = yield* certificates
    const portOf = yield* serve(stage, identity)
    const made: Array<readonly [string, Network]> = [[inMemory, memory.make()]]
    for (const name of names) {
      const transport = yield* (transports[name] ?? Effect.die)(identity.ca)
      made.push([name, { transport, stage, portOf, isReal: true }])
    }
    return new Map(made)
  })

const seed = 42

type Named = readonly [caller: Caller, what: string]

const trialOf = (
  [caller, what]: Named,
  cells: ReadonlyArray<Cell>,
  { reportProgress }: Stress.Run
): Effect.Effect<ReadonlyArray<Verdict>, Stress.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const all = yield* worlds(Object.keys(transports))
    const verdicts: Array<Verdict> = []
    for (const [name, world] of all) {
      const own = cells.filter(({ transport }) => transport === name)
      const done = (cases: number) =>
        cases % 320 === 0 || cases === own.length
          ? reportProgress(`${what} over ${name}: ${cases} of ${own.length}`)
          : Effect.void
      verdicts.push(...(yield* Trial.run(caller, own, world, seed, done)))
    }
    return verdicts
  })

/** Runs every case with a client, and with one that leaks: in short so many over each kind of transport. */
export const measure =
  (caller: Caller, leaking: Caller = leaky, shortly = 96) =>
  (run: Stress.Run): Effect.Effect<Leaks, Stress.CannotRun> =>
    Effect.gen(function* () {
      const real = Object.keys(transports)
      const cells = deals([[inMemory], real], seed, run.short ? shortly : undefined)
      const found = yield* Effect.scoped(trialOf([caller, "the client"], cells, run))
      const caught = yield* Effect.scoped(trialOf([leaking, "the client that leaks"], cells, run))
      return figuresOf(found, caught)
    })

/** What is promised of them. */
export const promises: Stress.Assertions<Leaks> = {
  "there are cases, a third of them or more over real sockets": ({ cases, sockets }) =>
    cases > 0 && sockets * 3 >= cases,
  "every credential comes to where it belongs": ({ arrived, cases }) => arrived === cases,
  "two calls of five and more go on to an origin that may not have it": ({ cases, crossed }) =>
    crossed * 5 >= cases * 2,
  "a redirect within its origin takes it along": ({ stayed, wentAlong }) => stayed > 0 && wentAlong === stayed,
  "no credential goes or is shown anywhere else": ({ leaks }) => leaks === 0,
  "a client that leaks is caught in every case": ({ caught, cases }) => caught === cases
}

/** The case. */
export const leaks: Stress.Stress = Stress.make("leaks", measure(ours), promises)
