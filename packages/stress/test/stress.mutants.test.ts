// Clients, parsers and figures that fail the assertions of the cases `duplicates`, `hostile` and `parsers`. `.ci/run` runs
// their short forms.
import { describe, expect, it } from "@effect/vitest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { readdirSync } from "node:fs"
import type { Parser } from "../src/parsers/parser.js"
import { corpus } from "../src/parsers/corpus.js"
import * as Duplicates from "../src/duplicates/duplicates.js"
import type { CallResult } from "../src/programs/clientProcess.js"
import * as Hostile from "../src/hostileServer/hostileServer.js"
import * as Parsers from "../src/parsers/parsers.js"
import * as Stopwatch from "../src/time/stopwatch.js"
import * as Stress from "../src/Stress.js"
import { expectEachBroken } from "./support/assertions.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

describe("duplicates", () => {
  /** Number of calls that is enough to show a fault. */
  const few = 200

  /** Our client, with a wrapper around its calls. */
  const wrapped =
    (wrap: (post: Duplicates.Post) => Duplicates.Post): Duplicates.Client =>
    (baseUrl) =>
      Effect.map(Duplicates.ours(baseUrl), wrap)

  it.live("catches a client that retries POSTs", () =>
    Effect.gen(function* () {
      const retrying = wrapped((post) => (id, headers) => Effect.retry(post(id, headers), { times: 2 }))
      const { plain, keyed } = yield* Duplicates.measure(retrying, few)(short)
      expect(plain.mostSends).toBeGreaterThan(1)
      expect(Stress.check(Duplicates.assertions, { plain, keyed })).toContain("no call without a key is executed twice")
    })
  )

  it.live("catches a client with a new key for each request, and one that does not retry calls with a key", () =>
    Effect.gen(function* () {
      const rekeying = wrapped((post) => (id, headers) => {
        const send = Effect.flatMap(Random.next, (key) => post(id, { ...headers, "idempotency-key": String(key) }))
        return headers["idempotency-key"] === undefined ? post(id, headers) : Effect.retry(send, { times: 2 })
      })
      const rekeyed = Stress.check(Duplicates.assertions, yield* Duplicates.measure(rekeying, few)(short))
      expect(rekeyed).toEqual(["all requests of a call have the same key"])

      const withoutRetries: Duplicates.Client = (baseUrl) =>
        Effect.gen(function* () {
          const client = yield* ApiClient.make({ baseUrl, auth: Auth.none, retry: false })
          const post: Duplicates.Post = (id, headers) => client.post("/orders", { json: { id }, headers })
          return post
        }).pipe(Effect.provideServiceEffect(HttpClient.HttpClient, NodeTransport.make()))
      const figures = yield* Duplicates.measure(withoutRetries, few)(short)
      expect(Stress.check(Duplicates.assertions, figures)).toEqual([
        "calls with a key are retried",
        "with a key at most half as many calls fail"
      ])
    })
  )

  it.live("catches a client that fails with a defect, and one that hides failures", () =>
    Effect.gen(function* () {
      const dying = wrapped((post) => (id, headers) => Effect.orDie(post(id, headers)))
      const died = Stress.check(Duplicates.assertions, yield* Duplicates.measure(dying, few)(short))
      expect(died).toContain("every failure is a TransportError or a Timeout")

      const hidingFailures = wrapped((post) => (id, headers) => Effect.ignore(post(id, headers)))
      const hidden = Stress.check(Duplicates.assertions, yield* Duplicates.measure(hidingFailures, few)(short))
      expect(hidden).toContain("every successful call was executed")
      expect(hidden).toContain("some calls fail although the server executed them")
    })
  )

  it.live("fails if no connection was reset", () =>
    Effect.gen(function* () {
      const idle = () => Effect.succeed<Duplicates.Post>(() => Effect.void)
      const broken = Stress.check(Duplicates.assertions, yield* Duplicates.measure(idle, few)(short))
      expect(broken).toContain("at least one connection is reset per 20 calls")
    })
  )
})

describe("hostile", () => {
  const good: Hostile.HostileServerResult = {
    calls: 40,
    attacks: 40,
    wrongResults: 0,
    examples: "",
    waitedForCall: 8,
    waitedForExchange: 1,
    latest: 40,
    earliest: 1,
    inflatedMebibytes: 200,
    smallestBomb: 165,
    peakGrowthMebibytes: 70,
    growthMebibytes: 25,
    kept: 0,
    keptOf: "",
    longestTurnMillis: 20,
    longestTurnOf: "",
    socketsLeft: 0,
    resourcesLeft: 0,
    fibersLeft: 0
  }

  it("fails an assertion for each bad figure", () => {
    const bad: ReadonlyArray<Hostile.HostileServerResult> = [
      { ...good, smallestBomb: 200 * 1024 },
      { ...good, waitedForCall: 0 },
      { ...good, wrongResults: 1 },
      { ...good, latest: 101 },
      { ...good, earliest: -101 },
      { ...good, growthMebibytes: 64 },
      { ...good, peakGrowthMebibytes: 200 },
      { ...good, kept: 1 },
      { ...good, longestTurnMillis: 50.1 },
      { ...good, socketsLeft: 1 },
      { ...good, resourcesLeft: 1 },
      { ...good, fibersLeft: 1 }
    ]
    expectEachBroken(Hostile.assertions, good, bad)
  })

  const late: CallResult = {
    attack: "silence",
    ending: "Timeout",
    scope: "call",
    millis: 2250,
    sent: 1500,
    waitedMillis: 300
  }
  const inTime: CallResult = { ...late, millis: 2010, waitedMillis: 0 }

  it.each<[what: string, first: CallResult, calls: number]>([
    ["ends late while the machine runs other programs", late, 2],
    ["is cut off while the machine runs other programs", { ...late, attack: "length-huge", millis: 2010 }, 2],
    ["ends in time while the machine runs other programs", { ...inTime, waitedMillis: 300 }, 1],
    ["ends late while the machine runs nothing else", { ...late, waitedMillis: 50 }, 1],
    ["ends later than the machine can explain", { ...late, millis: 2450 }, 1],
    ["ends too early", { ...late, millis: 1500 }, 1],
    ["ends with an error that is not its timeout", { ...inTime, ending: "TransportError", waitedMillis: 300 }, 1]
  ])("repeats only an inconclusive call: one that %s", async (_, first, calls) => {
    const script = [first, inTime]
    const attempts: Array<CallResult> = []
    const attack = () =>
      Promise.resolve([script[attempts.length] ?? inTime].map((ended) => (attempts.push(ended), ended)))
    const judged = await Hostile.conclusive(attack, [first.attack], 8)
    expect(attempts).toHaveLength(calls)
    expect(judged).toEqual([script[calls - 1]])
  })

  it("counts the last of eleven inconclusive calls", async () => {
    let attempts = 0
    const attack = () => Promise.resolve([{ ...late, millis: 2250 + ++attempts }])
    expect(await Hostile.conclusive(attack, ["silence"], 8)).toEqual([{ ...late, millis: 2261 }])
  })

  it.live(
    "catches a client without limits that is slow with chosen text and leaves a timer and a fiber behind",
    () =>
      Effect.gen(function* () {
        // No response, and a body without end. A delay by the machine hides none of the faults, so no call is repeated.
        const figures = yield* Hostile.measure("leaky", ["silence", "gzip/200"], 0)(short)
        const broken = Stress.check(Hostile.assertions, figures)
        expect(broken, JSON.stringify(figures)).toEqual(
          expect.arrayContaining([
            "every call ends with the expected result",
            "no call ends more than 100 ms after its deadline",
            "peak memory, garbage included, grows by less than one inflated body",
            "no text of a server blocks the event loop for more than 50 ms",
            "a closed client leaves no timer or other resource that keeps the process alive",
            "a closed client leaves no fiber"
          ])
        )
      }),
    600_000
  )
})

describe("parsers", () => {
  it("contains every module of protocol", () => {
    const folder = new URL("../../protocol/src/", import.meta.url)
    // The root module only exports the others.
    const modules = readdirSync(folder).filter((file) => file.endsWith(".ts") && file !== "index.ts")
    expect(Object.keys(corpus).toSorted()).toEqual(modules.map((file) => file.slice(0, -".ts".length)).toSorted())
  })

  const parser = (run: Parser["run"]): Parser => ({ name: "mutant", run, seeds: ["a=1, b=2"], units: ["a=1,", ","] })
  const brokenBy = (run: Parser["run"]) => Stress.check(Parsers.assertions, Parsers.measure([parser(run)], 2000))

  it("accepts a linear parser", () => {
    expect(brokenBy((text) => text.split(",").map((member) => member.trim()))).toEqual([])
  })

  it("catches a parser that throws", () => {
    expect(brokenBy((text) => decodeURIComponent(text))).toEqual(["no parser throws"])
  })

  /** Takes `millis` milliseconds on any machine. */
  const busy = (millis: number): void => {
    const taken = Stopwatch.start()
    while (taken() < millis);
  }
  const share = (text: string): number => text.length / (64 * 1024)

  it("catches a quadratic parser before it is slow", () => {
    expect(brokenBy((text) => busy(15 * share(text) ** 2))).toEqual([
      "eight times as much text takes at most 24 times as long"
    ])
  })

  it("catches a parser that is linear and slow", () => {
    expect(brokenBy((text) => busy(25 * share(text)))).toEqual(["64 KiB are parsed in less than 20 ms"])
  })
})
