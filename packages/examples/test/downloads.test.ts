/** Runs the programs of `downloads.ts` against a real server. */
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FileServer from "@countersign/testing/FileServer"
import { describe, expect, it } from "@effect/vitest"
import type * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { createHash, randomBytes } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Downloads from "../src/downloads.js"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "countersign-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const apiOf = (baseUrl: string) =>
  Downloads.Api.layer({ baseUrl, auth: Auth.none }).pipe(Layer.provide(NodeTransport.layer))

/** The lines that a program logs. */
const logged = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const console = yield* Effect.console
    const log = (...args: ReadonlyArray<unknown>) => Effect.sync(() => void lines.push(args.join(" ")))
    yield* Effect.withConsole(program, { ...console, log } satisfies Console.Console)
    return lines
  })

const withFiles = Effect.gen(function* () {
  const server = yield* FileServer.FileServer
  const content = randomBytes(200_000)
  yield* server.set("/export.csv", { content })
  yield* server.set("/releases/1.2.3", { content })
  return { server, content, path: join(yield* folder, "file"), api: apiOf(server.baseUrl) }
})

describe("downloads.ts", () => {
  it.live("downloads a file, and continues that of an earlier run", () =>
    Effect.gen(function* () {
      const { api, content, path, server } = yield* withFiles
      yield* server.fail("/export.csv", { cutAfter: 50_000 }, { status: 404 })
      expect(yield* Effect.flip(Effect.provide(Downloads.downloadExport(path), api))).toMatchObject({ status: 404 })
      const lines = yield* logged(Effect.provide(Downloads.downloadLater(path), api))
      expect(lines).toEqual(["200000 bytes, of which 50000 are of an earlier run"])
      expect(readFileSync(path).equals(content)).toBe(true)
    }).pipe(Effect.scoped, Effect.provide(FileServer.layer))
  )

  it.live("verifies a release", () =>
    Effect.gen(function* () {
      const { api, content, path } = yield* withFiles
      const sha256 = createHash("sha256").update(content).digest("hex")
      const lines = yield* logged(Effect.provide(Downloads.downloadRelease(path, sha256), api))
      expect(lines).toEqual(["verified by sha256"])
      expect(statSync(path).mode & 0o777).toBe(0o755)
    }).pipe(Effect.scoped, Effect.provide(FileServer.layer))
  )

  it.live("uploads a file", () =>
    Effect.gen(function* () {
      const received: Array<string> = []
      const server = createServer((request, response) => {
        received.push(`${request.headers["content-type"]} ${request.headers["content-length"]}`)
        request.resume().on("end", () => response.end())
      })
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => (server.close(), server.closeAllConnections()))
      )
      const path = join(yield* folder, "report.pdf")
      writeFileSync(path, randomBytes(100_000))
      // A server that listens on a port has an address with a port.
      const { port } = server.address() as AddressInfo
      const lines = yield* logged(Effect.provide(Downloads.uploadReport(path), apiOf(`http://127.0.0.1:${port}`)))
      expect(lines).toEqual(["uploaded: 200"])
      expect(received).toEqual(["application/pdf 100000"])
    }).pipe(Effect.scoped)
  )

  it.live("counts pages", () => Downloads.countPages(Stream.make(1, 2, 3)))
})
