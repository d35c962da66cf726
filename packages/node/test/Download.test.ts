/** Downloads from a real server: failures of connections, changes of the file, and servers that lie. */
import * as Bearer from "@countersign/auth/Bearer"
import * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as RetryBudget from "@countersign/client/RetryBudget"
import * as Download from "@countersign/node/Download"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createHash, randomBytes } from "node:crypto"
import fs from "node:fs"
import { gzipSync } from "node:zlib"
import { protocols, retry, setUp } from "./support/downloads.js"

/** Comparing buffers of this size byte by byte is slow. */
const hash = (bytes: Uint8Array = Buffer.from("no file")) => createHash("sha256").update(bytes).digest("hex")

const sha256 = (bytes: Uint8Array) => ({ algorithm: "sha256" as const, hex: hash(bytes) })

const reprDigest = (bytes: Uint8Array) => ({
  "repr-digest": `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`
})

for (const [protocol, layer] of protocols) {
  const live = (name: string, test: Effect.Effect<unknown, unknown, Effect.Effect.Context<ReturnType<typeof setUp>>>) =>
    it.live.skipIf(layer === undefined)(name, () =>
      layer === undefined ? Effect.void : Effect.asVoid(test).pipe(Effect.scoped, Effect.provide(layer))
    )

  describe(`Download.toFile over ${protocol}`, () => {
    live(
      "stores the whole file with its permissions, and leaves no other file",
      Effect.gen(function* () {
        const { content, download, names, path, server, stored } = yield* setUp()
        const progress: Array<Download.Progress> = []
        const done = yield* download({ onProgress: (one) => Effect.sync(() => void progress.push(one)) })
        expect(done).toEqual({ bytes: content.length, resumedFrom: 0, etag: expect.any(String), verified: undefined })
        expect(hash(stored())).toBe(hash(content))
        expect(names()).toEqual(["file"])
        expect(fs.statSync(path).mode & 0o777).toBe(0o600)
        expect((yield* server.requests)[0]?.headers["accept-encoding"]).toBe("identity")
        expect(progress[0]).toEqual({ bytes: 0, total: content.length, resumedFrom: 0 })
        expect(progress.at(-1)).toEqual({ bytes: content.length, total: content.length, resumedFrom: 0 })
        yield* download({ mode: 0o644 })
        expect(fs.statSync(path).mode & 0o777).toBe(0o644)
      })
    )

    live(
      "stores an empty file, and replaces a file only when the new one is whole",
      Effect.gen(function* () {
        const { download, names, path, replace, server, stored } = yield* setUp(Buffer.alloc(0))
        fs.writeFileSync(path, "old")
        yield* server.fail("/file", { status: 404 })
        const error = yield* Effect.flip(download())
        expect(error).toMatchObject({ _tag: "ClientError", status: 404 })
        expect(stored()?.toString()).toBe("old")
        yield* download()
        expect(hash(stored())).toBe(hash(Buffer.alloc(0)))
        yield* replace(Buffer.from("new"))
        yield* download()
        expect(stored()?.toString()).toBe("new")
        expect(names()).toEqual(["file"])
      })
    )

    live(
      "continues at the byte where a body was cut, at each of many positions",
      Effect.gen(function* () {
        const { content, download, path, ranges, server, stored } = yield* setUp()
        const cuts = [1, 1000, 16_384, 65_535, 65_536, 65_537, 131_072, 299_999]
        for (const cutAfter of cuts) {
          fs.rmSync(path, { force: true })
          yield* server.fail("/file", { cutAfter })
          const done = yield* download({ digest: sha256(content) })
          expect(done).toMatchObject({ bytes: content.length, resumedFrom: 0, verified: "sha256" })
          expect(hash(stored())).toBe(hash(content))
          expect((yield* ranges).at(-1)).toBe(`bytes=${cutAfter}-`)
        }
        expect((yield* server.requests).filter(({ headers }) => headers["if-range"] !== undefined)).toHaveLength(8)
      })
    )

    live(
      "counts failures in a row: one that made progress begins the schedule anew",
      Effect.gen(function* () {
        const { content, download, server, stored } = yield* setUp()
        yield* server.fail("/file", ...Array.from({ length: 9 }, () => ({ cutAfter: 20_000 })))
        yield* download()
        expect(hash(stored())).toBe(hash(content))
        expect(yield* server.requests).toHaveLength(10)
      })
    )

    live(
      "fails after two retries without progress, and the next run continues",
      Effect.gen(function* () {
        const { content, download, names, part, ranges, server, stored } = yield* setUp()
        yield* server.fail("/file", { cutAfter: 100_000 }, { cutAfter: 0 }, { cutAfter: 0 })
        const error = yield* Effect.flip(download())
        expect(error).toMatchObject({ _tag: "TransportError", reason: "Truncated" })
        expect(hash(part())).toBe(hash(content.subarray(0, 100_000)))
        expect(names()).toEqual(["file.part", "file.part.json"])
        expect(yield* ranges).toEqual([undefined, "bytes=100000-", "bytes=100000-"])
        const done = yield* download()
        expect(done.resumedFrom).toBe(100_000)
        expect(hash(stored())).toBe(hash(content))
        expect(names()).toEqual(["file"])
      })
    )

    live(
      "counts progress only beyond the furthest byte, so that a server without ranges ends the download",
      Effect.gen(function* () {
        const { download, names, ranges, server } = yield* setUp(randomBytes(50_000), { etag: 'W/"1"' })
        yield* server.fail("/file", ...Array.from({ length: 100 }, () => ({ cutAfter: 20_000 })))
        const error = yield* Effect.flip(download())
        expect(error).toMatchObject({ _tag: "TransportError", reason: "Truncated" })
        // The first failure made progress, and the schedule allows two retries after it.
        expect(yield* ranges).toEqual([undefined, undefined, undefined])
        expect(names()).toEqual([])
      })
    )

    live(
      "is not continued by a client without retries, and pays each retry from the budget",
      Effect.gen(function* () {
        const { download, path, server } = yield* setUp()
        yield* server.fail("/file", ...Array.from({ length: 4 }, () => ({ cutAfter: 0 })))
        expect((yield* Effect.flip(download({ retry: false })))._tag).toBe("TransportError")
        expect(yield* server.requests).toHaveLength(1)
        const budget = RetryBudget.make({ capacity: 14 })
        const api = yield* ApiClient.make({
          baseUrl: server.baseUrl,
          auth: Auth.none,
          retry: { schedule: retry, budget }
        })
        expect((yield* Effect.flip(Download.toFile(api, "/file", path)))._tag).toBe("TransportError")
        expect(yield* server.requests).toHaveLength(3)
      })
    )

    live(
      "begins anew when the file changes between two runs, or while it is sent",
      Effect.gen(function* () {
        const { download, ranges, replace, server, stored } = yield* setUp()
        yield* server.fail("/file", { cutAfter: 100_000 })
        yield* Effect.flip(download({ retry: false }))
        const second = randomBytes(200_000)
        yield* replace(second)
        yield* server.fail("/file", { cutAfter: 50_000 })
        const third = randomBytes(250_000)
        let replaced = false
        const done = yield* download({
          onProgress: ({ bytes }) => {
            if (bytes < 50_000 || replaced) return Effect.void
            replaced = true
            return replace(third)
          }
        })
        expect(done).toMatchObject({ resumedFrom: 0, bytes: 250_000 })
        expect(hash(stored())).toBe(hash(third))
        expect(yield* ranges).toEqual([undefined, "bytes=100000-", "bytes=50000-"])
      })
    )

    live(
      "begins anew when the server ignores If-Range and sends a part of another version, or one with a content coding",
      Effect.gen(function* () {
        const { content, download, ranges, server, stored } = yield* setUp()
        yield* server.fail("/file", { cutAfter: 1000 }, { headers: { etag: '"other"' } })
        yield* download()
        expect(hash(stored())).toBe(hash(content))
        const body = gzipSync(content.subarray(2000))
        yield* server.fail("/file", { cutAfter: 2000 }, { body, headers: { "content-encoding": "gzip" } })
        yield* download()
        expect(hash(stored())).toBe(hash(content))
        expect(yield* ranges).toEqual([undefined, "bytes=1000-", undefined, undefined, "bytes=2000-", undefined])
      })
    )

    live(
      "decodes a whole body that the server compresses in spite of the request, and does not continue it",
      Effect.gen(function* () {
        const { content, download, server, stored } = yield* setUp(Buffer.alloc(200_000, "a"))
        const body = gzipSync(content)
        const gzip = { body, headers: { "content-encoding": "gzip", ...reprDigest(body) } }
        yield* server.fail("/file", gzip)
        yield* download()
        expect(hash(stored())).toBe(hash(content))
      })
    )

    live(
      "forgets what is stored after a 416",
      Effect.gen(function* () {
        const { content, download, ranges, server, stored } = yield* setUp()
        yield* server.fail("/file", { cutAfter: 1000 }, { status: 416 })
        yield* download()
        expect(hash(stored())).toBe(hash(content))
        expect(yield* ranges).toEqual([undefined, "bytes=1000-", undefined])
      })
    )

    live(
      "downloads without ranges at the server, and from its beginning with a weak ETag or none",
      Effect.gen(function* () {
        for (const file of [{ ranges: false }, { etag: 'W/"1"' }, { etag: false }, { etag: "1" }] as const) {
          const { content, download, server, stored } = yield* setUp(randomBytes(100_000), file)
          yield* server.fail("/file", { cutAfter: 50_000 })
          yield* download()
          expect(hash(stored())).toBe(hash(content))
          const [, second] = (yield* server.requests).slice(-2)
          expect(second?.headers["range"]).toBe("ranges" in file ? "bytes=50000-" : undefined)
        }
      })
    )

    live(
      "requests the last byte of a file that was whole when the process was killed",
      Effect.gen(function* () {
        const { content, download, path, ranges, server, stored } = yield* setUp()
        yield* server.fail("/file", { cutAfter: 299_999 })
        yield* Effect.flip(download({ retry: false }))
        fs.writeFileSync(`${path}.part`, content)
        yield* download()
        expect(hash(stored())).toBe(hash(content))
        expect(yield* ranges).toEqual([undefined, "bytes=299999-"])
      })
    )

    live(
      "continues when the server sends a part of the rest only",
      Effect.gen(function* () {
        const { content, download, ranges, server, stored } = yield* setUp()
        const body = content.subarray(1000, 2000)
        const headers = { "content-range": `bytes 1000-1999/${content.length}` }
        yield* server.fail("/file", { cutAfter: 1000 }, { body, headers })
        yield* download()
        expect(hash(stored())).toBe(hash(content))
        expect(yield* ranges).toEqual([undefined, "bytes=1000-", "bytes=2000-"])
      })
    )

    for (const [name, headers, reason] of [
      ["without a Content-Range", { "content-range": undefined }, "RangeMismatch"],
      ["with an invalid Content-Range", { "content-range": "bytes 1000" }, "RangeMismatch"],
      ["from an earlier byte", { "content-range": "bytes 0-298999/300000" }, "RangeMismatch"],
      ["from a later byte", { "content-range": "bytes 1001-299999/300000" }, "RangeMismatch"],
      ["of another length", { "content-range": "bytes 1000-299999/300001" }, "LengthMismatch"],
      ["beyond its length", { "content-range": "bytes 1000-299999/299999" }, "RangeMismatch"],
      ["of another size than its range", { "content-range": "bytes 1000-1999/300000" }, "LengthMismatch"],
      ["of several ranges", { "content-range": undefined, "content-type": "multipart/byteranges" }, "RangeMismatch"]
    ] as const) {
      live(
        `fails with ${reason} for a part ${name}, and keeps what is stored`,
        Effect.gen(function* () {
          const { content, download, part, server, stored } = yield* setUp()
          yield* server.fail("/file", { cutAfter: 1000 }, { headers })
          const error = yield* Effect.flip(download())
          expect(error).toMatchObject({ _tag: "DownloadError", reason })
          expect(hash(part())).toBe(hash(content.subarray(0, 1000)))
          yield* download({ resume: false })
          expect(hash(stored())).toBe(hash(content))
        })
      )
    }

    live(
      "fails for a part that was not requested, and for statuses without a file",
      Effect.gen(function* () {
        const { download, names, server } = yield* setUp()
        const headers = { "content-range": "bytes 0-299999/300000" }
        yield* server.fail(
          "/file",
          { status: 206, headers },
          { status: 202 },
          { status: 204, headers: { "content-length": undefined } }
        )
        expect(yield* Effect.flip(download())).toMatchObject({ _tag: "DownloadError", reason: "RangeMismatch" })
        expect(yield* Effect.flip(download())).toMatchObject({ reason: "UnexpectedStatus" })
        expect(yield* Effect.flip(download())).toMatchObject({ reason: "UnexpectedStatus" })
        expect(names()).toEqual([])
      })
    )

    live(
      "verifies the digest of a file without a length, and removes another file",
      Effect.gen(function* () {
        const content = randomBytes(100_000)
        const md5 = { "content-md5": createHash("md5").update(content).digest("base64") }
        const chunked = { headers: { "content-length": undefined } }
        for (const headers of [reprDigest(content), md5, { ...reprDigest(content), "content-encoding": "identity" }]) {
          const { download, names, replace, server } = yield* setUp(content, { headers })
          const verified = "repr-digest" in headers ? "sha256" : "md5"
          yield* server.fail("/file", chunked)
          expect(yield* download()).toMatchObject({ bytes: content.length, verified })
          yield* server.fail("/file", { ...chunked, cutAfter: 50_000 }, chunked)
          expect(yield* download()).toMatchObject({ bytes: content.length, verified })
          yield* replace(randomBytes(100_000))
          // The last one is for the HEAD.
          yield* server.fail("/file", chunked, chunked)
          expect(yield* Effect.flip(download())).toMatchObject({ _tag: "DownloadError", reason: "DigestMismatch" })
          expect(names()).toEqual(["file"])
        }
      })
    )

    live(
      "does not verify a decoded file, of which only the digest of the encoded bytes is known",
      Effect.gen(function* () {
        const content = Buffer.alloc(200_000, "a")
        const body = gzipSync(content)
        const gzip = { body, headers: { "content-encoding": "gzip", ...reprDigest(body) } }
        const { download, server } = yield* setUp(content)
        for (const heads of [[gzip], [{}], [{ status: 405 }], Array.from({ length: 3 }, () => ({ status: 503 }))]) {
          yield* server.fail("/file", gzip, ...heads)
          expect((yield* download()).verified).toBeUndefined()
          expect((yield* server.requests).at(-1)?.method).toBe("HEAD")
        }
        // The HEAD names the digest of the file.
        yield* server.fail("/file", gzip, { headers: reprDigest(content) })
        expect((yield* download()).verified).toBe("sha256")
      })
    )

    live(
      "verifies the digest of the options, of Repr-Digest and of Content-MD5, and removes another file",
      Effect.gen(function* () {
        const content = randomBytes(100_000)
        const md5 = { "content-md5": createHash("md5").update(content).digest("base64") }
        for (const headers of [reprDigest(content), md5]) {
          const { download, names, replace, server } = yield* setUp(content, { headers })
          expect((yield* download()).verified).toBe("repr-digest" in headers ? "sha256" : "md5")
          yield* server.fail("/file", { cutAfter: 50_000 })
          expect((yield* download()).verified).toBe("repr-digest" in headers ? "sha256" : "md5")
          yield* replace(randomBytes(100_000))
          const error = yield* Effect.flip(download())
          expect(error).toMatchObject({ _tag: "DownloadError", reason: "DigestMismatch" })
          expect(names()).toEqual(["file"])
        }
        const { download, names } = yield* setUp(content, { headers: reprDigest(randomBytes(1)) })
        expect((yield* download({ digest: sha256(content) })).verified).toBe("sha256")
        const error = yield* Effect.flip(download({ digest: sha256(randomBytes(1)) }))
        expect(error).toMatchObject({ reason: "DigestMismatch" })
        expect(names()).toEqual(["file"])
      })
    )

    live(
      "fails with TooLarge by the length that is named, and by the bytes that arrive",
      Effect.gen(function* () {
        const { download, names, server } = yield* setUp()
        expect(yield* Effect.flip(download({ maxBytes: 299_999 }))).toMatchObject({ reason: "TooLarge" })
        yield* server.fail("/file", { headers: { "content-length": undefined } })
        expect(yield* Effect.flip(download({ maxBytes: 100_000 }))).toMatchObject({ reason: "TooLarge" })
        expect(names()).toEqual([])
        yield* download({ maxBytes: 300_000 })
      })
    )

    live(
      "bounds the silence of a body by `idle`, and continues",
      Effect.gen(function* () {
        const { content, download, ranges, server, stored } = yield* setUp()
        yield* server.fail("/file", { stopAfter: 100_000 })
        yield* download({ idle: "200 millis" })
        expect(hash(stored())).toBe(hash(content))
        expect(yield* ranges).toEqual([undefined, "bytes=100000-"])
      })
    )

    live(
      "waits for Retry-After of a 503 in the middle, and keeps what is stored when it is too long",
      Effect.gen(function* () {
        const { content, download, part, ranges, server, stored } = yield* setUp()
        const wait = (seconds: string) => ({ status: 503, headers: { "retry-after": seconds } })
        yield* server.fail("/file", { cutAfter: 1000 }, wait("1"))
        const begun = performance.now()
        yield* download()
        expect(performance.now() - begun).toBeGreaterThanOrEqual(1000)
        expect(hash(stored())).toBe(hash(content))
        expect(yield* ranges).toEqual([undefined, "bytes=1000-", "bytes=1000-"])
        yield* server.fail("/file", { cutAfter: 1000 }, wait("3600"))
        expect(yield* Effect.flip(download())).toMatchObject({ _tag: "RateLimited" })
        expect(hash(part())).toBe(hash(content.subarray(0, 1000)))
      })
    )

    live(
      "follows a redirect before each part, and continues only at the URL that responded before",
      Effect.gen(function* () {
        const { content, download, ranges, server, stored } = yield* setUp()
        const to = (location: string) => ({ status: 302, headers: { location } })
        yield* server.set("/a", { content })
        yield* server.set("/b", { content })
        yield* server.fail("/file", to("/a?signature=1"), to("/a?signature=2"), to("/b"), to("/b"))
        yield* server.fail("/a", { cutAfter: 1000 }, { cutAfter: 1000 })
        yield* download({ digest: sha256(content) })
        expect(hash(stored())).toBe(hash(content))
        const asked = Effect.map(server.requests, (all) => all.map(({ headers, path }) => [path, headers["range"]]))
        expect(yield* asked).toEqual([
          ["/file", undefined],
          ["/a?signature=1", undefined],
          ["/file", "bytes=1000-"],
          ["/a?signature=2", "bytes=1000-"],
          ["/file", "bytes=2000-"],
          ["/b", "bytes=2000-"],
          ["/file", undefined],
          ["/b", undefined]
        ])
        expect(yield* ranges).toHaveLength(8)
      })
    )

    live(
      "refreshes a token that expires in the middle, and continues",
      Effect.gen(function* () {
        const { content, path, server, stored } = yield* setUp()
        let tokens = 0
        const acquireToken = () => Effect.sync(() => Token.bearer(Redacted.make(`token-${++tokens}`), 0))
        const auth = Bearer.layerCustom({ key: "key", acquireToken }).pipe(Layer.provide(TokenStore.layerMemory))
        const api = yield* ApiClient.make({ baseUrl: server.baseUrl, auth, retry })
        const expired = { status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' } }
        yield* server.fail("/file", { cutAfter: 1000 }, expired)
        yield* Download.toFile(api, "/file", path)
        expect(hash(stored())).toBe(hash(content))
        const sent = (yield* server.requests).map(({ headers }) => [headers["authorization"], headers["range"]])
        expect(sent).toEqual([
          ["Bearer token-1", undefined],
          ["Bearer token-1", "bytes=1000-"],
          ["Bearer token-2", "bytes=1000-"]
        ])
      })
    )

    live(
      "keeps what is stored when it is interrupted, and continues in the next run",
      Effect.gen(function* () {
        const { content, download, names, ranges, server, stored } = yield* setUp()
        yield* server.fail("/file", { stopAfter: 100_000 })
        const reached = yield* Deferred.make<void>()
        const onProgress = ({ bytes }: Download.Progress) =>
          bytes === 100_000 ? Deferred.succeed(reached, undefined) : Effect.void
        const fiber = yield* Effect.fork(download({ onProgress: (one) => Effect.asVoid(onProgress(one)) }))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        expect(names()).toEqual(["file.part", "file.part.json"])
        expect((yield* download()).resumedFrom).toBe(100_000)
        expect(hash(stored())).toBe(hash(content))
        expect(yield* ranges).toEqual([undefined, "bytes=100000-"])
      })
    )
  })
}

const withServer = protocols[0]?.[1]

describe("options of Download.toFile", () => {
  it.live.skipIf(withServer === undefined)("rejects invalid values before a request is sent", () =>
    Effect.gen(function* () {
      const { download, names, server } = yield* setUp()
      const digest = { algorithm: "sha256" as const, hex: "abc" }
      const wrong: ReadonlyArray<readonly [Download.Options, string]> = [
        [{ headers: { Range: "bytes=1-" } }, "`headers` has `range`"],
        [{ headers: { "if-range": '"1"' } }, "`headers` has `if-range`"],
        [{ digest }, "`digest` is no hash"],
        [{ maxBytes: Number.NaN }, "`maxBytes`"],
        [{ maxBytes: -1 }, "`maxBytes`"],
        [{ mode: 0o1777 }, "`mode`"],
        [{ idle: 0 }, "`idle`"]
      ]
      for (const [options, detail] of wrong) {
        const error = yield* Effect.flip(download(options))
        expect(error._tag).toBe("InvalidRequest")
        expect(error.message).toContain(detail)
      }
      const api = yield* ApiClient.make({ baseUrl: server.baseUrl, auth: Auth.none })
      expect((yield* Effect.flip(Download.toFile(api, "/file", "")))._tag).toBe("InvalidRequest")
      expect((yield* Effect.flip(Download.toFile(api, "/file", "a\0b")))._tag).toBe("InvalidRequest")
      expect(yield* server.requests).toEqual([])
      expect(names()).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(withServer ?? Layer.die("no server")))
  )
})
