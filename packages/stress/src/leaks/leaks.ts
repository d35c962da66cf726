/**
 * Redirects to any origin, with a credential at any location. The credential must be sent to its own origin only, and must
 * not appear in logs, traces, metrics or printed values. A client that leaks must be caught each time.
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
import type { CaseResult } from "./trial.js"
import * as Trial from "./trial.js"
import type { Network } from "./network.js"
import * as Stress from "../Stress.js"

/** Figures. */
export interface Leaks extends Stress.Measurements {
  /** Cases in which a credential could leak, those over sockets, and the number by transport. */
  readonly cases: number
  readonly sockets: number
  readonly byTransport: Readonly<Record<string, number>>
  /** Cases in which the credential reached its own origin. */
  readonly arrived: number
  /** Cases that continued to an origin that must not receive the credential. */
  readonly crossed: number
  /** Cases with a redirect within the origin of the credential, and those in which the credential was sent along. */
  readonly stayed: number
  readonly wentAlong: number
  /** Number of leaks, of cases with leaks, and of leaks by the place where they were found. */
  readonly leaks: number
  readonly leakyCases: number
  readonly bySink: Readonly<Record<string, number>>
  readonly examples: string
  /** Cases in which the leaking client was caught in everything that it does, and the first in which it was not. */
  readonly caught: number
  readonly missed: string
}

const inMemory = "memory"

/** The places where a leaking client must be caught: all, with either errors or responses. */
const sinksOf = ({ cell, hasFailed }: CaseResult): ReadonlyArray<CaseResult["leaks"][number]> => {
  if (cell.place.shown === true) return ["wire"]
  return ["wire", "logs", "spans", "metrics", "timeline", hasFailed ? "errors" : "answers"]
}

const isCaught = (result: CaseResult): boolean => sinksOf(result).every((sink) => result.leaks.includes(sink))

/** Description of a case, by which it can be found. */
const describe = ({ cell, leaks }: CaseResult): string => {
  const { place, transport, ...rest } = cell
  return `${leaks.join(" and ")}: ${place.name} over ${transport}, ${JSON.stringify(rest)}`
}

const counted = (names: ReadonlyArray<string>): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

const figuresOf = (found: ReadonlyArray<CaseResult>, leaking: ReadonlyArray<CaseResult>): Leaks => {
  const leaky = found.filter(({ leaks }) => leaks.length > 0)
  const sinks = leaky.flatMap(({ leaks }) => leaks)
  const missed = leaking.filter((result) => !isCaught(result))
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
    examples: leaky.slice(0, 5).map(describe).join("; "),
    caught: leaking.length - missed.length,
    missed: missed.slice(0, 3).map(describe).join("; ")
  }
}

/** A network for each transport, with separate servers in memory and common servers for all that use sockets. */
const makeNetworks = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* loopback
    const servers = new FakeServers()
    const identity = yield* certificates
    const portOf = yield* serve(servers, identity)
    const made: Array<readonly [string, Network]> = [[inMemory, memory.make()]]
    for (const name of names) {
      const transport = yield* (transports[name] ?? Effect.die)(identity.ca)
      made.push([name, { transport, servers, portOf, isReal: true }])
    }
    return new Map(made)
  })

const seed = 42

type Named = readonly [caller: Caller, label: string]

const trialOf = (
  [caller, label]: Named,
  cells: ReadonlyArray<Cell>,
  { reportProgress }: Stress.Run
): Effect.Effect<ReadonlyArray<CaseResult>, Stress.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const all = yield* makeNetworks(Object.keys(transports))
    const results: Array<CaseResult> = []
    for (const [name, network] of all) {
      const own = cells.filter(({ transport }) => transport === name)
      const done = (cases: number) =>
        cases % 320 === 0 || cases === own.length
          ? reportProgress(`${label} over ${name}: ${cases} of ${own.length}`)
          : Effect.void
      results.push(...(yield* Trial.run(caller, own, network, seed, done)))
    }
    return results
  })

/** Runs every case with a client, and with a leaking one. In the short form `shortly` cases per kind of transport. */
export const measure =
  (caller: Caller, leaking: Caller = leaky, shortly = 96) =>
  (run: Stress.Run): Effect.Effect<Leaks, Stress.CannotRun> =>
    Effect.gen(function* () {
      const real = Object.keys(transports)
      const cells = deals([[inMemory], real], seed, run.short ? shortly : undefined)
      const found = yield* Effect.scoped(trialOf([caller, "the client"], cells, run))
      const caught = yield* Effect.scoped(trialOf([leaking, "the leaking client"], cells, run))
      return figuresOf(found, caught)
    })

/** Assertions on the figures. */
export const assertions: Stress.Assertions<Leaks> = {
  "at least a third of the cases use real sockets": ({ cases, sockets }) => cases > 0 && sockets * 3 >= cases,
  "every credential reaches its own origin": ({ arrived, cases }) => arrived === cases,
  "at least 40 % of the calls continue to an origin that must not receive the credential": ({ cases, crossed }) =>
    crossed * 5 >= cases * 2,
  "a redirect within its origin keeps the credential": ({ stayed, wentAlong }) => stayed > 0 && wentAlong === stayed,
  "no credential is sent or printed anywhere else": ({ leaks }) => leaks === 0,
  "the leaking client is caught in every case": ({ caught, cases }) => caught === cases
}

/** The case. */
export const leaks: Stress.Stress = Stress.make("leaks", measure(ours), assertions)
