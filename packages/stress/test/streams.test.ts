// Readers and figures that fail the assertions of the case `streams`. `.ci/run` runs its short form.
import type { ApiClient } from "@countersign/client/ApiClient"
import * as Paginate from "@countersign/client/Paginate"
import * as ServerEvents from "@countersign/client/ServerEvents"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createWriteStream } from "node:fs"
import { ours, type Readers } from "../src/streams/readers.js"
import * as Streams from "../src/streams/streams.js"
import * as Stress from "../src/Stress.js"
import { expectEachBroken } from "./support/assertions.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

const broken = (readers: Partial<Readers>) =>
  Effect.map(Streams.measure({ ...ours, ...readers }, 40)(short), (figures) =>
    Stress.check(Streams.assertions, figures)
  )

/** Events of one connection. */
const once = (api: ApiClient, path: string) =>
  Stream.map(
    ServerEvents.stream(api, path, {
      schema: Schema.Number,
      until: (event) => event.event === "end",
      reconnect: "never",
      retry: false
    }),
    ({ data }) => data
  )

/** Pages without retries. */
const unretried = (api: ApiClient, path: string) =>
  Paginate.items(api, path, { schema: Schema.Array(Schema.Number), next: Paginate.link(), retry: false })

const again = Schedule.recurs(20)

/** Writes what arrives into the file. */
const writeTo = (api: ApiClient, path: string, file: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { stream } = yield* api.open(path)
      const out = createWriteStream(file)
      yield* Effect.ensuring(
        Stream.runForEach(stream, (bytes) => Effect.sync(() => out.write(bytes))),
        Effect.async<void>((resume) => void out.end(() => resume(Effect.void)))
      )
    })
  )

describe("streams", () => {
  it.live("catches readers that take a failure for the end", () =>
    Effect.gen(function* () {
      const found = yield* broken({
        events: (api, path) => Stream.catchAll(once(api, path), () => Stream.empty),
        pages: (api, path) => Stream.catchAll(unretried(api, path), () => Stream.empty),
        download: (api, path, file) => Effect.ignore(writeTo(api, path, file))
      })
      expect(found).toEqual(
        expect.arrayContaining([
          "no event stream is complete that was cut, and no event is lost",
          "no list is complete that was cut, and no item is lost",
          "no downloaded file is cut or mixed"
        ])
      )
    })
  )

  it.live("catches readers that begin again, and one that leaves a file", () =>
    Effect.gen(function* () {
      const found = yield* broken({
        events: (api, path) => Stream.retry(once(api, path), again),
        pages: (api, path) => Stream.retry(unretried(api, path), again),
        download: writeTo
      })
      expect(found).toEqual(
        expect.arrayContaining([
          "no event comes twice or in another order",
          "no item comes twice or in another order",
          "no file is there after a failed download"
        ])
      )
    })
  )

  it("rejects each bad figure", () => {
    const counted = { runs: 10, complete: 10, failed: 0, lost: 0, wrong: 0, untyped: 0, cuts: 5, completePercent: 100 }
    const good = { events: counted, pages: counted, downloads: counted }
    const kinds = ["events", "pages", "downloads"] as const
    const faults = [{ cuts: 4 }, { lost: 1 }, { wrong: 1 }, { untyped: 1 }, { complete: 7 }]
    const bad = kinds.flatMap((kind) => faults.map((fault) => ({ ...good, [kind]: { ...counted, ...fault } })))
    expectEachBroken(Streams.assertions, good, bad)
  })
})
