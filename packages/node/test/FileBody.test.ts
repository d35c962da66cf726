/** Files as request bodies, over both protocols. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Retry from "@countersign/client/Retry"
import * as FileBody from "@countersign/node/FileBody"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { execFileSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import fs from "node:fs"
import { join } from "node:path"
import { folder } from "./support/folder.js"
import { until } from "./support/server.js"
import type { Protocol, Upload } from "./support/uploads.js"
import { protocols, read, respond } from "./support/uploads.js"

const size = 5_000_000

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

const retry = Retry.exponential({ times: 2, baseDelay: "1 millis" })

/** A file, a client, and a server that answers as a test says. */
const setUp = (
  { serve }: Protocol,
  answer: Parameters<Protocol["serve"]>[0],
  content: Uint8Array = randomBytes(size)
) =>
  Effect.gen(function* () {
    const server = yield* serve(answer)
    const path = join(yield* folder, "file")
    fs.writeFileSync(path, content)
    const api = yield* ApiClient.make({ baseUrl: server.url, auth: Auth.none, retry })
    return { api, content, path, server }
  })

/** Open files of this process at a path. */
const openFiles = (path: string) =>
  fs.readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(path)
    } catch {
      return false
    }
  }).length

for (const protocol of protocols) {
  const live = (name: string, test: Effect.Effect<unknown, unknown, Effect.Effect.Context<ReturnType<typeof setUp>>>) =>
    it.live(name, () => Effect.asVoid(test).pipe(Effect.scoped, Effect.provide(protocol.transport)))

  describe(`FileBody.make over ${protocol.name}`, () => {
    live(
      "sends the bytes with their length and type, and reports progress",
      Effect.gen(function* () {
        const uploads: Array<Upload | undefined> = []
        const { api, content, path } = yield* setUp(protocol, (request, response) => {
          void read(request).then((upload) => {
            uploads.push(upload)
            respond(response, 200)
          })
        })
        const progress: Array<FileBody.Progress> = []
        const body = yield* FileBody.make(path, {
          contentType: "text/csv",
          onProgress: (one) => Effect.sync(() => void progress.push(one))
        })
        yield* api.put("/", { body })
        expect(uploads[0]).toMatchObject({ length: size, hash: hash(content) })
        expect(uploads[0]?.headers).toMatchObject({ "content-length": String(size), "content-type": "text/csv" })
        expect(uploads[0]?.headers["transfer-encoding"]).toBeUndefined()
        expect(progress.at(-1)).toEqual({ bytes: size, total: size, send: 1 })
        expect(progress.map(({ bytes }) => bytes)).toEqual(
          [...progress.map(({ bytes }) => bytes)].sort((a, b) => a - b)
        )
        yield* until(() => openFiles(path) === 0)
      })
    )

    live(
      "sends an empty file",
      Effect.gen(function* () {
        const uploads: Array<Upload | undefined> = []
        const { api, path } = yield* setUp(
          protocol,
          (request, response) => {
            void read(request).then((upload) => {
              uploads.push(upload)
              respond(response, 200)
            })
          },
          Buffer.alloc(0)
        )
        yield* api.put("/", { body: yield* FileBody.make(path) })
        expect(uploads[0]).toMatchObject({ length: 0, headers: { "content-length": "0" } })
      })
    )

    live(
      "sends the whole file again after a 503 and a redirect, and counts the sends",
      Effect.gen(function* () {
        const uploads: Array<Upload | undefined> = []
        const { api, content, path } = yield* setUp(protocol, (request, response) => {
          void read(request).then((upload) => {
            uploads.push(upload)
            if (uploads.length === 1) respond(response, 503)
            else if (uploads.length === 2) respond(response, 307, { location: "/next" })
            else respond(response, 200)
          })
        })
        const sends: Array<number> = []
        const onProgress = ({ bytes, send }: FileBody.Progress) =>
          Effect.sync(() => void (bytes === size && sends.push(send)))
        yield* api.put("/", { body: yield* FileBody.make(path, { onProgress }) })
        expect(uploads.map((upload) => upload?.hash)).toEqual([hash(content), hash(content), hash(content)])
        expect(sends).toEqual([1, 2, 3])
        yield* until(() => openFiles(path) === 0)
      })
    )

    for (const [name, change] of [
      ["grew", (path: string) => fs.appendFileSync(path, "x")],
      ["shrank", (path: string) => fs.truncateSync(path, 1000)],
      ["was modified", (path: string) => fs.utimesSync(path, 1, 1)],
      ["was removed", (path: string) => fs.rmSync(path)]
    ] as const) {
      live(
        `fails with RequestBodyFailed, and is not retried, when the file ${name}`,
        Effect.gen(function* () {
          const uploads: Array<Upload | undefined> = []
          const { api, path, server } = yield* setUp(protocol, (request, response) => {
            void read(request).then((upload) => {
              uploads.push(upload)
              respond(response, 200)
            })
          })
          const body = yield* FileBody.make(path)
          change(path)
          const error = yield* Effect.flip(api.put("/", { body }))
          expect(error).toMatchObject({ _tag: "TransportError", reason: "RequestBodyFailed" })
          expect(error.message).toContain("cannot be sent")
          const cause =
            error._tag === "TransportError" && error.cause !== undefined ? Redacted.value(error.cause) : error
          expect(cause).toBeInstanceOf(FileBody.FileBodyError)
          expect(cause).toMatchObject({ reason: name === "was removed" ? "FileSystem" : "Changed", path })
          yield* api.get("/")
          expect(uploads.filter((upload) => upload !== undefined && upload.length > 0)).toEqual([])
          expect(server.paths.length).toBeLessThanOrEqual(2)
        })
      )
    }

    live(
      "fails before the last byte when the file changes while it is sent",
      Effect.gen(function* () {
        const uploads: Array<Upload | undefined> = []
        const { api, path } = yield* setUp(protocol, (request, response) => {
          void read(request).then((upload) => {
            uploads.push(upload)
            respond(response, 200)
          })
        })
        for (const change of [
          () => fs.appendFileSync(path, "x"),
          () => fs.truncateSync(path, size / 2),
          () => fs.utimesSync(path, 1, 1)
        ]) {
          fs.writeFileSync(path, randomBytes(size))
          let isChanged = false
          const onProgress = ({ bytes }: FileBody.Progress) =>
            Effect.sync(() => {
              if (bytes < size / 2 || isChanged) return
              isChanged = true
              change()
            })
          const error = yield* Effect.flip(api.put("/", { body: yield* FileBody.make(path, { onProgress }) }))
          expect(error).toMatchObject({ _tag: "TransportError", reason: "RequestBodyFailed" })
        }
        yield* until(() => uploads.length === 3)
        expect(uploads).toEqual([undefined, undefined, undefined])
        yield* until(() => openFiles(path) === 0)
      })
    )

    for (const [status, tag] of [
      [401, "Unauthorized"],
      [413, "ClientError"],
      [417, "ClientError"],
      [403, "Forbidden"]
    ] as const) {
      live(
        `reports an early ${status} without sending the rest, and the next request succeeds`,
        Effect.gen(function* () {
          const { api, path } = yield* setUp(
            protocol,
            (request, response) => {
              if (request.method === "GET") respond(response, 200)
              else respond(response, status)
            },
            randomBytes(30_000_000)
          )
          let sent = 0
          const onProgress = ({ bytes }: FileBody.Progress) => Effect.sync(() => void (sent = bytes))
          const error = yield* Effect.flip(api.put("/", { body: yield* FileBody.make(path, { onProgress }) }))
          expect(error).toMatchObject({ _tag: tag, status })
          yield* Effect.sleep("50 millis")
          expect(sent).toBeLessThan(30_000_000)
          yield* until(() => openFiles(path) === 0)
          expect((yield* api.get("/")).status).toBe(200)
        })
      )
    }

    live(
      "closes the file when the call is interrupted",
      Effect.gen(function* () {
        // The server reads nothing.
        const { api, path } = yield* setUp(protocol, () => undefined, randomBytes(30_000_000))
        const body = yield* FileBody.make(path)
        yield* Effect.timeoutOption(api.put("/", { body }), "200 millis")
        yield* until(() => openFiles(path) === 0)
      })
    )
  })
}

describe("FileBody.make", () => {
  it.scoped("fails for a missing file, a folder and a FIFO", () =>
    Effect.gen(function* () {
      const target = yield* folder
      const fifo = join(target, "fifo")
      execFileSync("mkfifo", [fifo])
      const failure = (path: string) => Effect.flip(FileBody.make(path))
      expect(yield* failure(join(target, "missing"))).toMatchObject({ reason: "FileSystem", code: "ENOENT" })
      expect(yield* failure(target)).toMatchObject({ reason: "FileSystem", code: "EISDIR" })
      expect(yield* failure(fifo)).toMatchObject({ reason: "FileSystem" })
      expect(yield* failure("")).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
    })
  )
})
