// For each promise of the cases `duplicates`, `hostile` and `parsers`, a client, a parser or a figure that breaks it. Their
// short forms run in `stress.test.ts`.
import { describe, expect, it } from "@effect/vitest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { readdirSync } from "node:fs"
import type { Parser } from "../src/parsers/corpus.js"
import { corpus } from "../src/parsers/corpus.js"
import * as Duplicates from "../src/duplicates/duplicates.js"
import type { Ended } from "../src/programs/clientProcess.js"
import * as Hostile from "../src/hostileServer/hostileServer.js"
import * as Parsers from "../src/parsers/parsers.js"
import * as Stopwatch from "../src/time/stopwatch.js"
import * as Stress from "../src/Stress.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

/** Every promise of a case is broken by one change or another of good figures, and by none of them all. */
const expectEachBroken = <F extends Stress.Measurements>(
  promises: Stress.Assertions<F>,
  good: F,
  bad: ReadonlyArray<F>
) => {
  expect(Stress.check(promises, good)).toEqual([])
  expect(new Set(bad.flatMap((figures) => Stress.check(promises, figures)))).toEqual(new Set(Object.keys(promises)))
  for (const figures of bad) expect(Stress.check(promises, figures)).not.toEqual([])
}

describe("duplicates", () => {
  /** Calls that show what a wrong client does. */
  const few = 200

  /** Ours, and what is wrapped around its calls by somebody who means well. */
  const around =
    (wrap: (post: Duplicates.Post) => Duplicates.Post): Duplicates.Client =>
    (baseUrl) =>
      Effect.map(Duplicates.ours(baseUrl), wrap)

  it.live("catches a client that sends POSTs again", () =>
    Effect.gen(function* () {
      const retrying = around((post) => (id, headers) => Effect.retry(post(id, headers), { times: 2 }))
      const { plain, keyed } = yield* Duplicates.measure(retrying, few)(short)
      expect(plain.mostSends).toBeGreaterThan(1)
      expect(Stress.check(Duplicates.promises, { plain, keyed })).toContain("no call is executed twice")
    })
  )

  it.live("catches a client that makes a new key for each send, and one that does not send again what has a key", () =>
    Effect.gen(function* () {
      const rekeying = around((post) => (id, headers) => {
        const send = Effect.flatMap(Random.next, (key) => post(id, { ...headers, "idempotency-key": String(key) }))
        return headers["idempotency-key"] === undefined ? post(id, headers) : Effect.retry(send, { times: 2 })
      })
      const rekeyed = Stress.check(Duplicates.promises, yield* Duplicates.measure(rekeying, few)(short))
      expect(rekeyed).toEqual(["all its sends have the one key"])

      const timid: Duplicates.Client = (baseUrl) =>
        Effect.gen(function* () {
          const client = yield* ApiClient.make({ baseUrl, auth: Auth.none, retry: false })
          const post: Duplicates.Post = (id, headers) => client.post("/orders", { json: { id }, headers })
          return post
        }).pipe(Effect.provideServiceEffect(HttpClient.HttpClient, NodeTransport.make()))
      const figures = yield* Duplicates.measure(timid, few)(short)
      expect(Stress.check(Duplicates.promises, figures)).toEqual([
        "a call with a key is sent again",
        "a key takes half of the failures away, or more"
      ])
    })
  )

  it.live("catches a client that fails with what is no error of its own, or says that all is well", () =>
    Effect.gen(function* () {
      const dying = around((post) => (id, headers) => Effect.orDie(post(id, headers)))
      const died = Stress.check(Duplicates.promises, yield* Duplicates.measure(dying, few)(short))
      expect(died).toContain("what fails is a TransportError or a Timeout")

      const lying = around((post) => (id, headers) => Effect.ignore(post(id, headers)))
      const lied = Stress.check(Duplicates.promises, yield* Duplicates.measure(lying, few)(short))
      expect(lied).toContain("what succeeds has been executed")
      expect(lied).toContain("calls fail that were executed")
    })
  )

  it.live("is not ok where nothing was reset", () =>
    Effect.gen(function* () {
      const idle = () => Effect.succeed<Duplicates.Post>(() => Effect.void)
      const broken = Stress.check(Duplicates.promises, yield* Duplicates.measure(idle, few)(short))
      expect(broken).toContain("one call in twenty or more meets a reset")
    })
  )
})

describe("hostile", () => {
  const good: Hostile.HostileServerResult = {
    calls: 40,
    attacks: 40,
    misjudged: 0,
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

  it("breaks a promise for each figure that is bad", () => {
    const bad: ReadonlyArray<Hostile.HostileServerResult> = [
      { ...good, smallestBomb: 200 * 1024 },
      { ...good, waitedForCall: 0 },
      { ...good, misjudged: 1 },
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
    expectEachBroken(Hostile.promises, good, bad)
  })

  const late: Ended = { attack: "silence", ending: "Timeout", scope: "call", millis: 2250, sent: 1500, held: 300 }
  const inTime: Ended = { ...late, millis: 2010, held: 0 }

  it.each<[what: string, first: Ended, calls: number]>([
    ["ends late while the machine runs other programs", late, 2],
    ["is cut off while the machine runs other programs", { ...late, attack: "length-huge", millis: 2010 }, 2],
    ["ends in time while the machine runs other programs", { ...inTime, held: 300 }, 1],
    ["ends late while the machine runs nothing else", { ...late, held: 50 }, 1],
    ["ends later than the machine can explain", { ...late, millis: 2450 }, 1],
    ["ends too early", { ...late, millis: 1500 }, 1],
    ["ends with an error that is not its timeout", { ...inTime, ending: "TransportError", held: 300 }, 1]
  ])("repeats a call only if it shows nothing: one that %s", async (_, first, calls) => {
    const script = [first, inTime]
    const made: Array<Ended> = []
    const attack = () => Promise.resolve([script[made.length] ?? inTime].map((ended) => (made.push(ended), ended)))
    const judged = await Hostile.conclusive(attack, [first.attack], 8)
    expect(made).toHaveLength(calls)
    expect(judged).toEqual([script[calls - 1]])
  })

  it("judges the last of eleven calls that show nothing", async () => {
    let made = 0
    const attack = () => Promise.resolve([{ ...late, millis: 2250 + ++made }])
    expect(await Hostile.conclusive(attack, ["silence"], 8)).toEqual([{ ...late, millis: 2261 }])
  })

  it.live(
    "catches a client without bounds, which is also slow with chosen text and leaves a timer and a fiber behind",
    () =>
      Effect.gen(function* () {
        const figures = yield* Hostile.measure("leaky")(short)
        const broken = Stress.check(Hostile.promises, figures)
        expect(broken, JSON.stringify(figures)).toEqual(
          expect.arrayContaining([
            "each call ends with the error that is right",
            "no call ends more than 100 ms after its deadline",
            "at its peak, with garbage and all, it grows by less than one bomb becomes",
            "no text of a server holds the event loop up for more than 50 ms",
            "a client that is closed leaves no timer, nor anything else that keeps a process alive",
            "a client that is closed leaves no fiber"
          ])
        )
      }),
    600_000
  )
})

describe("parsers", () => {
  it("knows every module of protocol", () => {
    const folder = new URL("../../protocol/src/", import.meta.url)
    const modules = readdirSync(folder).filter((file) => file.endsWith(".ts"))
    expect(Object.keys(corpus).toSorted()).toEqual(modules.map((file) => file.slice(0, -".ts".length)).toSorted())
  })

  const parser = (run: Parser["run"]): Parser => ({ name: "mutant", run, seeds: ["a=1, b=2"], units: ["a=1,", ","] })
  const brokenBy = (run: Parser["run"]) => Stress.check(Parsers.promises, Parsers.measure([parser(run)], 2000))

  it("finds nothing to say of one that is linear", () => {
    expect(brokenBy((text) => text.split(",").map((member) => member.trim()))).toEqual([])
  })

  it("catches one that throws", () => {
    expect(brokenBy((text) => decodeURIComponent(text))).toEqual(["no parser throws"])
  })

  /** Takes so many milliseconds, whatever the machine. */
  const busy = (millis: number): void => {
    const taken = Stopwatch.start()
    while (taken() < millis);
  }
  const share = (text: string): number => text.length / (64 * 1024)

  it("catches one whose time is quadratic, before it takes long", () => {
    expect(brokenBy((text) => busy(15 * share(text) ** 2))).toEqual([
      "eight times as much takes at most 24 times as long"
    ])
  })

  it("catches one that is linear and slow", () => {
    expect(brokenBy((text) => busy(25 * share(text)))).toEqual(["64 KiB take less than 20 ms"])
  })
})
