/** JSON lines over sockets: whole, compressed, cut at each position, silent, and stopped by their reader. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as JsonLines from "@countersign/client/JsonLines"
import * as FileServer from "@countersign/testing/FileServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { gzipSync } from "node:zlib"
import { certificates } from "./support/certificates.js"
import { protocols } from "./support/downloads.js"

const Row = Schema.Struct({ n: Schema.Number, text: Schema.String })

const rows = Array.from({ length: 8 }, (_, n) => ({ n, text: "é€🔑".slice(0, n % 4) }))
const content = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""))

/** Rows of which the line, with its end, is within so many bytes. */
const wholeWithin = (bytes: number): number => content.subarray(0, bytes).toString("latin1").split("\n").length - 1

const gzip = (body: Uint8Array = content) => ({ body: gzipSync(body), headers: { "content-encoding": "gzip" } })
const chunked = { headers: { "content-length": undefined } }

const setUp = Effect.gen(function* () {
  const server = yield* FileServer.FileServer
  yield* server.set("/rows", { content, etag: false })
  const api = yield* ApiClient.make({ baseUrl: server.baseUrl, auth: Auth.none, retry: false })
  const read = (options: { readonly idle?: "200 millis"; readonly most?: number } = {}) =>
    Effect.gen(function* () {
      const seen: Array<typeof Row.Type> = []
      const { idle, most = Number.POSITIVE_INFINITY } = options
      const stream = JsonLines.stream(api, "/rows", { schema: Row, idle })
      const exit = yield* Effect.exit(Stream.runForEachWhile(stream, (row) => Effect.sync(() => seen.push(row) < most)))
      return { seen, error: Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error : undefined, exit }
    })
  return { server, read }
})

for (const [name, layer] of protocols) {
  const live = <E>(title: string, test: Effect.Effect<void, E, Effect.Effect.Context<typeof setUp>>) =>
    it.live.skipIf(layer === undefined)(title, () => (layer === undefined ? Effect.void : Effect.provide(test, layer)))

  describe.skipIf(name === "HTTP/2" && certificates === undefined)(`JsonLines.stream over ${name}`, () => {
    live(
      "reads all rows, with and without a length, and compressed",
      Effect.gen(function* () {
        const { read, server } = yield* setUp
        const faults = [{}, chunked, gzip(), { ...gzip(), headers: { ...gzip().headers, ...chunked.headers } }]
        yield* server.fail("/rows", ...faults)
        for (const _ of faults) {
          const { exit, seen } = yield* read()
          expect(Exit.isSuccess(exit)).toBe(true)
          expect(seen).toEqual(rows)
        }
        expect((yield* server.requests)[0]?.headers["accept"]).toContain("application/x-ndjson")
      })
    )

    for (const [what, fault] of [
      ["a body with a length", {}],
      ["a body without a length", chunked]
    ] as const)
      live(
        `emits the whole lines of ${what} that is cut at each position, and fails`,
        Effect.gen(function* () {
          const { read, server } = yield* setUp
          for (let at = 0; at < content.length; at += 9) {
            yield* server.fail("/rows", { ...fault, cutAfter: at })
            const { error, seen } = yield* read()
            expect(error).toMatchObject({ _tag: "TransportError" })
            expect(seen).toEqual(rows.slice(0, wholeWithin(at)))
          }
          expect((yield* read()).seen).toEqual(rows)
        })
      )

    live(
      "emits a beginning of the rows of a compressed body that is cut at each position, and fails",
      Effect.gen(function* () {
        const { read, server } = yield* setUp
        const { body } = gzip()
        for (let at = 0; at < body.length; at += 5) {
          yield* server.fail("/rows", { ...gzip(), cutAfter: at })
          const { error, seen } = yield* read()
          expect(error).toMatchObject({ _tag: "TransportError" })
          expect(seen).toEqual(rows.slice(0, seen.length))
        }
        expect((yield* read()).seen).toEqual(rows)
      })
    )

    live(
      "fails for compressed bytes that end early or are damaged, although their length is right",
      Effect.gen(function* () {
        const { read, server } = yield* setUp
        const { body, headers } = gzip()
        const damaged = Buffer.from(body)
        damaged[body.length - 6] = (damaged[body.length - 6] ?? 0) ^ 1
        yield* server.fail("/rows", { headers, body: body.subarray(0, -9) }, { headers, body: damaged })
        for (let nth = 0; nth < 2; nth++) {
          const { error, seen } = yield* read()
          expect(error).toMatchObject({ _tag: "TransportError" })
          expect(seen).toEqual(rows.slice(0, seen.length))
        }
      })
    )

    live(
      "fails after a silence of idle, and emits the rows before it",
      Effect.gen(function* () {
        const { read, server } = yield* setUp
        yield* server.fail("/rows", { stopAfter: content.length - 5 })
        const { error, seen } = yield* read({ idle: "200 millis" })
        expect(error).toMatchObject({ _tag: "TransportError", reason: "BodyTimeout" })
        expect(seen).toEqual(rows.slice(0, -1))
      })
    )

    live(
      "ends when its reader stops, before the body does",
      Effect.gen(function* () {
        const { read, server } = yield* setUp
        yield* server.fail("/rows", { stopAfter: content.length - 5 })
        const { exit, seen } = yield* read({ most: 3 })
        expect(Exit.isSuccess(exit)).toBe(true)
        expect(seen).toEqual(rows.slice(0, 3))
        expect((yield* read()).seen).toEqual(rows)
      })
    )
  })
}
