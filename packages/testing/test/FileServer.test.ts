import * as FileServer from "@countersign/testing/FileServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { request } from "node:http"

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: Buffer
  /** Whether the body ended before the length that was named, or its connection broke. */
  readonly isBroken: boolean
}

/** A request with `node:http`, because a client of ours would hide what the server does. */
const get = (url: string, headers: Record<string, string> = {}, method = "GET"): Effect.Effect<Got> =>
  Effect.async((resume) => {
    const chunks: Array<Buffer> = []
    const sent = request(url, { headers, method, agent: false }, (response) => {
      const done = (isBroken: boolean) =>
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
            isBroken
          })
        )
      response.on("data", (chunk: Buffer) => void chunks.push(chunk))
      response.on("error", () => done(true))
      response.on("close", () => done(!response.complete))
    })
    sent.on("error", () => resume(Effect.succeed({ status: 0, headers: {}, body: Buffer.alloc(0), isBroken: true })))
    sent.end()
  })

const content = Buffer.from("0123456789")
const strong = `"${createHash("sha256").update(content).digest("hex").slice(0, 16)}"`

/** A server with `/file`. */
const served = (file: Partial<FileServer.File> = {}) =>
  Effect.gen(function* () {
    const server = yield* FileServer.make()
    yield* server.set("/file", { content, ...file })
    return { server, url: `${server.baseUrl}/file` }
  })

describe("FileServer", () => {
  it.scopedLive("serves the whole file with a strong ETag, and 404 for other paths", () =>
    Effect.gen(function* () {
      const { server, url } = yield* served({ headers: { "x-name": "a" } })
      const whole = yield* get(`${url}?version=2`)
      expect(whole).toMatchObject({ status: 200, body: content, isBroken: false })
      expect(whole.headers).toMatchObject({
        etag: strong,
        "content-length": "10",
        "accept-ranges": "bytes",
        "x-name": "a"
      })
      expect(yield* get(`${server.baseUrl}/other`)).toMatchObject({ status: 404, body: Buffer.alloc(0) })
      yield* server.set("/file", { content: "äö" })
      const replaced = yield* get(url)
      expect([replaced.body.toString(), replaced.headers["content-length"]]).toEqual(["äö", "4"])
      expect(replaced.headers["etag"]).not.toBe(strong)
    })
  )

  it.scopedLive("records each request with its fields, in order", () =>
    Effect.gen(function* () {
      const { server, url } = yield* served()
      yield* get(url, { "X-One": "1" })
      yield* get(`${url}?q=1`, {}, "HEAD")
      const requests = yield* server.requests
      expect(requests.map(({ headers, method, path }) => [method, path, headers["x-one"]])).toEqual([
        ["GET", "/file", "1"],
        ["HEAD", "/file?q=1", undefined]
      ])
    })
  )

  it.live("answers each range with the bytes that it names, or with 416", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* served()
        const check = (first: number | undefined, last: number | undefined) =>
          Effect.gen(function* () {
            const { body, headers, status } = yield* get(url, { range: `bytes=${first ?? ""}-${last ?? ""}` })
            const isInvalid = last === undefined ? first === undefined : first !== undefined && last < first
            const from = first ?? 10 - Math.min(last ?? 0, 10)
            const to = first === undefined ? 9 : Math.min(last ?? 9, 9)
            if (isInvalid) expect([status, body.length]).toEqual([200, 10])
            else if (from >= 10) expect([status, headers["content-range"], body.length]).toEqual([416, "bytes */10", 0])
            else {
              expect([status, headers["content-range"]]).toEqual([206, `bytes ${from}-${to}/10`])
              expect(body).toEqual(content.subarray(from, to + 1))
            }
          })
        const number = FastCheck.option(FastCheck.nat(14), { nil: undefined })
        yield* Effect.promise(() =>
          FastCheck.assert(
            FastCheck.asyncProperty(number, number, (first, last) => Effect.runPromise(check(first, last))),
            {
              numRuns: 100,
              examples: [
                [undefined, 0],
                [undefined, undefined],
                [5, 3],
                [10, undefined]
              ]
            }
          )
        )
      })
    )
  )

  it.scopedLive("ignores the range if If-Range names another version or a weak one, and without ranges", () =>
    Effect.gen(function* () {
      const range = { range: "bytes=2-4" }
      for (const [file, headers, status] of [
        [{}, { ...range, "if-range": strong }, 206],
        [{}, { ...range, "if-range": '"other"' }, 200],
        [{ etag: 'W/"1"' }, { ...range, "if-range": 'W/"1"' }, 200],
        [{ etag: false }, range, 206],
        [{ ranges: false }, range, 200],
        [{}, { range: "bytes=0-1,3-4" }, 200],
        [{}, { range: "items=0-1" }, 200]
      ] as const) {
        const { url } = yield* served(file)
        const got = yield* get(url, headers)
        expect([got.status, got.body.toString()]).toEqual([status, status === 206 ? "234" : "0123456789"])
        if ("etag" in file && file.etag === false) expect(got.headers["etag"]).toBeUndefined()
        if ("ranges" in file) expect(got.headers["accept-ranges"]).toBeUndefined()
      }
    })
  )

  it.scopedLive("applies one fault to each request of its path, in order, and then none", () =>
    Effect.gen(function* () {
      const { server, url } = yield* served()
      yield* server.set("/other", { content: "other" })
      yield* server.fail("/file", { status: 503, headers: { "retry-after": "1" } }, {})
      yield* server.fail("/file", { headers: { etag: undefined, "content-type": "text/csv" } })
      expect((yield* get(`${server.baseUrl}/other`)).status).toBe(200)
      const [failed, right, changed, last] = [yield* get(url), yield* get(url), yield* get(url), yield* get(url)]
      expect([failed.status, failed.headers["retry-after"], failed.body.length]).toEqual([503, "1", 0])
      expect([right.status, right.headers["etag"]]).toEqual([200, strong])
      expect([changed.headers["etag"], changed.headers["content-type"]]).toEqual([undefined, "text/csv"])
      expect([last.status, last.headers["etag"]]).toEqual([200, strong])
    })
  )

  it.scopedLive("cuts a body at each position, after the bytes before it have arrived", () =>
    Effect.gen(function* () {
      const { server, url } = yield* served()
      for (let at = 0; at < content.length; at++) {
        yield* server.fail("/file", { cutAfter: at })
        expect(yield* get(url)).toMatchObject({ status: 200, body: content.subarray(0, at), isBroken: true })
        // Without a length, the chunked body has no last chunk.
        yield* server.fail("/file", { cutAfter: at, headers: { "content-length": undefined } })
        expect(yield* get(url)).toMatchObject({ body: content.subarray(0, at), isBroken: true })
      }
      expect((yield* get(url)).isBroken).toBe(false)
    })
  )

  it.scopedLive("sends another body, another status for the file, and a length that is wrong", () =>
    Effect.gen(function* () {
      const { server, url } = yield* served()
      yield* server.fail(
        "/file",
        { body: Buffer.from("abc") },
        { status: 206 },
        { headers: { "content-length": "20" } }
      )
      const other = yield* get(url)
      expect([other.body.toString(), other.headers["content-length"]]).toEqual(["abc", "3"])
      expect(yield* get(url)).toMatchObject({ status: 206, body: content })
      expect(yield* get(url)).toMatchObject({ body: content, isBroken: true })
    })
  )

  it.live("sends nothing more after stopAfter, until the scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { server, url } = yield* Scope.extend(served(), scope)
      yield* server.fail("/file", { stopAfter: 4 })
      const waiting = yield* Effect.fork(get(url))
      yield* Effect.sleep("100 millis")
      expect(waiting.unsafePoll()).toBeNull()
      yield* Scope.close(scope, Exit.void)
      const got = yield* waiting.await
      expect(got).toMatchObject({ value: { body: content.subarray(0, 4), isBroken: true } })
      expect((yield* get(url)).status).toBe(0)
    })
  )

  it("rejects an unknown option", async () => {
    // As plain JavaScript may call it.
    const options = { cert: "x" } as FileServer.Options
    const exit = await Effect.runPromiseExit(Effect.scoped(FileServer.make(options)))
    expect(Exit.isFailure(exit)).toBe(true)
  })
})
