/**
 * Event streams, lists of pages and downloads over connections that are reset at any byte. What a reader gets is a beginning of
 * what the server has, in order, and it is complete only if all of it arrived.
 */
import { round } from "@countersign/bench/Numbers"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Retry from "@countersign/client/Retry"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as EventServer from "@countersign/testing/EventServer"
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as FileServer from "@countersign/testing/FileServer"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Stress from "../Stress.js"
import type { Readers } from "./readers.js"
import { ours } from "./readers.js"

/** Counts of the runs of one kind. */
interface Counted extends Stress.Measurements {
  readonly runs: number
  readonly complete: number
  readonly failed: number
  /** Reported as complete, although something is missing or different. */
  readonly lost: number
  /** Items that came twice or in another order, or a file that is there after a failure. */
  readonly wrong: number
  /** Failures without the tag of an error. */
  readonly untyped: number
  readonly cuts: number
  readonly completePercent: number
}

/** Figures of the three kinds. */
export interface Streams extends Stress.Measurements {
  readonly events: Counted
  readonly pages: Counted
  readonly downloads: Counted
}

/** What became of a run. */
type RunResult = "complete" | "failed" | "lost" | "wrong" | "untyped"

const isTyped = (error: unknown): boolean => typeof error === "object" && error !== null && "_tag" in error

const failureOf = (exit: Exit.Exit<unknown, unknown>): RunResult =>
  Exit.isFailure(exit) && exit.cause._tag === "Fail" && isTyped(exit.cause.error) ? "failed" : "untyped"

const isInOrder = (items: ReadonlyArray<number>): boolean => items.every((item, index) => item === index + 1)

/** Reads numbers from 1 to `count`. */
const readNumbers = (stream: Stream.Stream<number, unknown>, count: number): Effect.Effect<RunResult> =>
  Effect.suspend(() => {
    const items: Array<number> = []
    return Effect.map(Effect.exit(Stream.runForEach(stream, (item) => Effect.sync(() => items.push(item)))), (exit) => {
      if (!isInOrder(items)) return "wrong"
      if (!Exit.isSuccess(exit)) return failureOf(exit)
      return items.length === count ? "complete" : "lost"
    })
  })

const contentOf = (file: string): Effect.Effect<Buffer | undefined> =>
  Effect.promise(() => readFile(file).catch(() => undefined))

const download = (read: Effect.Effect<unknown, unknown>, file: string, content: Buffer): Effect.Effect<RunResult> =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(read)
    const written = yield* contentOf(file)
    if (!Exit.isSuccess(exit)) return written === undefined ? failureOf(exit) : "wrong"
    return written !== undefined && content.equals(written) ? "complete" : "lost"
  })

/** A server behind a proxy that resets connections, and one run over it. */
interface Kind {
  readonly port: number
  /** Bytes after which a connection may be reset. */
  readonly after: readonly [number, number]
  readonly run: (api: ApiClient.ApiClient, nth: number) => Effect.Effect<RunResult>
}

const eventCount = 20

const events = Array.from({ length: eventCount }, (_, index) => ({
  id: String(index + 1),
  data: String(index + 1),
  event: index + 1 === eventCount ? "end" : "number",
  retry: 1
}))

type MakeKind = (readers: Readers) => Effect.Effect<Kind, unknown, Scope.Scope>

const portOf = (baseUrl: string): number => Number(new URL(baseUrl).port)

const eventKind: MakeKind = (readers) =>
  Effect.map(
    EventServer.make((request) => EventServer.after(events, request).map((event) => EventServer.event(event))),
    ({ baseUrl }) => ({
      port: portOf(baseUrl),
      after: [0, 2500],
      run: (api) => readNumbers(readers.events(api, "/numbers"), eventCount)
    })
  )

const pageKind: MakeKind = (readers) =>
  Effect.map(
    Layer.build(
      Layer.provide(HttpBin.layerWith({}), NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    ),
    (context) => ({
      port: portOf(Context.get(context, HttpBin.HttpBin).baseUrl),
      after: [0, 4000],
      run: (api) => readNumbers(readers.pages(api, "/countersign/pages/link?pages=5&size=4"), 20)
    })
  )

const content = Buffer.from(Array.from({ length: 30_000 }, (_, index) => (index * 7) % 256))

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "countersign-streams-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

const downloadKind: MakeKind = (readers) =>
  Effect.gen(function* () {
    const server = yield* FileServer.make()
    yield* server.set("/file", { content })
    const place = yield* folder
    return {
      port: portOf(server.baseUrl),
      after: [0, 60_000],
      run: (api, nth) => {
        const file = join(place, `file-${nth}`)
        return download(readers.download(api, "/file", file), file, content)
      }
    }
  })

const counted = (results: ReadonlyArray<RunResult>, cuts: number): Counted => {
  const count = (of: RunResult): number => results.filter((one) => one === of).length
  return {
    runs: results.length,
    complete: count("complete"),
    failed: count("failed"),
    lost: count("lost"),
    wrong: count("wrong"),
    untyped: count("untyped"),
    cuts,
    completePercent: round((100 * count("complete")) / results.length, 1)
  }
}

/** Each run has a client of its own, so that no budget of an earlier run is used up. */
const measureKind = (make: Effect.Effect<Kind, unknown, Scope.Scope>, runs: number) =>
  Effect.gen(function* () {
    const kind = yield* make
    const down = [FaultProxy.Toxic.Reset({ after: [...kind.after] })]
    const proxy = yield* FaultProxy.make({ port: kind.port, seed: "streams", down })
    const transport = yield* NodeTransport.make()
    const one = (nth: number) =>
      Effect.gen(function* () {
        const retry = Retry.exponential({ times: 6, baseDelay: "1 millis" })
        const api = yield* ApiClient.make({ baseUrl: proxy.baseUrl, auth: Auth.none, retry })
        return yield* kind.run(api, nth)
      }).pipe(Effect.scoped, Effect.provideService(HttpClient.HttpClient, transport))
    const results = yield* Effect.forEach(Array(runs).keys(), one, { concurrency: 8 })
    return counted(results, (yield* proxy.counts).cuts)
  }).pipe(Effect.scoped, Effect.mapError(Stress.cannotRun))

/** Measures readers. In the short form it makes `shortly` runs of each kind. */
export const measure =
  (readers: Readers, shortly = 100) =>
  ({ reportProgress, short }: Stress.Run): Effect.Effect<Streams, Stress.CannotRun> =>
    Effect.gen(function* () {
      const runs = (full: number) => (short ? shortly : full)
      yield* reportProgress(`${runs(4000)} event streams over connections that are reset`)
      const streams = yield* measureKind(eventKind(readers), runs(4000))
      yield* reportProgress(`${runs(4000)} lists of pages`)
      const pages = yield* measureKind(pageKind(readers), runs(4000))
      yield* reportProgress(`${runs(2000)} downloads`)
      const downloads = yield* measureKind(downloadKind(readers), runs(2000))
      return { events: streams, pages, downloads }
    })

const all = ({ downloads, events: streams, pages }: Streams): ReadonlyArray<Counted> => [streams, pages, downloads]

/** Assertions on the figures. The first one verifies that cuts happen. */
export const assertions: Stress.Assertions<Streams> = {
  "at least one connection is reset per two runs": (figures) =>
    all(figures).every(({ cuts, runs }) => cuts >= runs / 2),
  "no event stream is complete that was cut, and no event is lost": ({ events: { lost } }) => lost === 0,
  "no event comes twice or in another order": ({ events: { wrong } }) => wrong === 0,
  "no list is complete that was cut, and no item is lost": ({ pages: { lost } }) => lost === 0,
  "no item comes twice or in another order": ({ pages: { wrong } }) => wrong === 0,
  "no downloaded file is cut or mixed": ({ downloads: { lost } }) => lost === 0,
  "no file is there after a failed download": ({ downloads: { wrong } }) => wrong === 0,
  "each failure has the tag of an error": (figures) => all(figures).every(({ untyped }) => untyped === 0),
  "four of five runs are complete in spite of the resets": (figures) =>
    all(figures).every(({ complete, runs }) => complete >= 0.8 * runs)
}

/** The case. */
export const streams: Stress.Stress = Stress.make("streams", measure(ours), assertions)
