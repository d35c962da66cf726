import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { ResponseHeadRewriter } from "../../../src/internal/dispatcher/responseHeadRewriter.js"

const pieces = (text: string, cuts: ReadonlyArray<number>): ReadonlyArray<string> => {
  const at = [0, ...[...cuts].map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length]
  return at.slice(1).map((end, index) => text.slice(at[index], end))
}

const passThrough = (text: string, cuts: ReadonlyArray<number> = [], heads = new ResponseHeadRewriter()): string =>
  pieces(text, cuts)
    .filter((piece) => piece !== "")
    .map((piece) => heads.rewrite(Buffer.from(piece, "latin1"))?.toString("latin1") ?? "")
    .join("")

const ok = "HTTP/1.1 200 OK\r\n"
/** A body that looks like heads. */
const body = "HTTP/1.1 100 Continue\r\n\r\nx: 1\r\n 2\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n"

/** What is received, and what the parser reads. The result does not depend on how the bytes are split. */
const rewritten: Record<string, readonly [received: string, read: string]> = {
  "nothing in an ordinary head": [`${ok}a: 1\r\nb: 2\r\n\r\n`, `${ok}a: 1\r\nb: 2\r\n\r\n`],
  "nothing in a head without fields": [`${ok}\r\n`, `${ok}\r\n`],
  "100 Continue": [`HTTP/1.1 100 Continue\r\n\r\n${ok}\r\n`, `HTTP/1.1 102 Continue\r\n\r\n${ok}\r\n`],
  "several interim responses": [
    `HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n b\r\n\r\nHTTP/1.1 100 Continue\r\nx: 1\r\n\r\n${ok}\r\n`,
    `HTTP/1.1 102 \r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a   b\r\n\r\nHTTP/1.1 102 Continue\r\nx: 1\r\n\r\n${ok}\r\n`
  ],
  "nothing after 101": [
    "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
  ],
  "a folded field": [`${ok}a: 1\r\n 2\r\n\t3\r\nb: 4\r\n\r\n`, `${ok}a: 1   2   3\r\nb: 4\r\n\r\n`],
  "a folded field of HTTP/1.0": ["HTTP/1.0 200 OK\r\na: 1\r\n 2\r\n\r\n", "HTTP/1.0 200 OK\r\na: 1   2\r\n\r\n"],
  "nothing where the status line is followed by a space": [`${ok} a: 1\r\n\r\n`, `${ok} a: 1\r\n\r\n`],
  "nothing after a bare line feed": [`${ok}a: 1\n 2\r\n\r\n`, `${ok}a: 1\n 2\r\n\r\n`],
  "nothing that is not HTTP": ["\u0015\u0003\u0001\u0000\u0002\u0002F", "\u0015\u0003\u0001\u0000\u0002\u0002F"],
  "nothing of another version": ["HTTP/2 200\r\na: 1\r\n 2\r\n\r\n", "HTTP/2 200\r\na: 1\r\n 2\r\n\r\n"],
  "nothing of a name that ends like content-length": [
    `${ok}x-content-length: 5\r\nx-content-length: 5\r\n\r\n`,
    `${ok}x-content-length: 5\r\nx-content-length: 5\r\n\r\n`
  ],
  "nothing of different lengths": [
    `${ok}content-length: 5\r\nContent-Length: 6\r\n\r\n`,
    `${ok}content-length: 5\r\nContent-Length: 6\r\n\r\n`
  ],
  "a repeated length": [
    `${ok}Content-Length: 5\r\na: 1\r\ncontent-length:5 \r\nb: 2\r\n\r\nhello`,
    `${ok}Content-Length: 5\r\na: 1\r\nb: 2\r\n\r\nhello`
  ],
  "a list of one length": [
    `${ok}a: 1\r\ncontent-length: 5, 5,5\r\n\r\nhello`,
    `${ok}a: 1\r\ncontent-length: 5\r\n\r\nhello`
  ],
  "a list after the length": [
    `${ok}content-length: 5\r\ncontent-length: 5, 5\r\n\r\nhello`,
    `${ok}content-length: 5\r\n\r\nhello`
  ],
  "nothing of a list of different lengths": [
    `${ok}content-length: 5, 6\r\n\r\nhello`,
    `${ok}content-length: 5, 6\r\n\r\nhello`
  ],
  "nothing of a length that is not a number": [
    `${ok}content-length: x\r\ncontent-length: x\r\n\r\nhello`,
    `${ok}content-length: x\r\ncontent-length: x\r\n\r\nhello`
  ],
  "the lengths of each head independently": [
    `HTTP/1.1 103 Early\r\ncontent-length: 5\r\n\r\n${ok}content-length: 5\r\n\r\nhello`,
    `HTTP/1.1 103 Early\r\ncontent-length: 5\r\n\r\n${ok}content-length: 5\r\n\r\nhello`
  ]
}

describe("ResponseHeadRewriter", () => {
  for (const [what, [received, read]] of Object.entries(rewritten)) {
    it(`rewrites ${what}`, () => {
      expect(passThrough(received)).toBe(read)
    })
  }

  it("rewrites a head in the same way however it is split, and no body", () => {
    const head = FastCheck.constantFrom(...Object.values(rewritten))
    const cuts = FastCheck.array(FastCheck.nat(400), { maxLength: 8 })
    FastCheck.assert(
      FastCheck.property(head, cuts, ([received, read], at) => {
        const isHttp = received.startsWith(ok) || received.includes(`\r\n\r\n${ok}`)
        const content = isHttp ? body : ""
        // The parser does not read the end of an unfinished head: it waits for more bytes.
        expect(passThrough(received + content, at)).toBe(read + content)
      }),
      { numRuns: 2000 }
    )
  })

  it("rewrites the head of each response after the previous one is complete", () => {
    const heads = new ResponseHeadRewriter()
    for (let n = 0; n < 3; n++) {
      expect(passThrough(`HTTP/1.1 100 Continue\r\n\r\n${ok}a: 1\r\n 2\r\n\r\n`, [30], heads)).toBe(
        `HTTP/1.1 102 Continue\r\n\r\n${ok}a: 1   2\r\n\r\n`
      )
      expect(passThrough(body, [10, 20], heads)).toBe(body)
      heads.startNextResponse()
    }
  })

  it("passes on every byte of an unfinished head except the line break or the start of a length at its end", () => {
    for (const text of [`${ok}a: 1`, `${ok}content-t`, "HTTP/1.1 200 O"]) expect(passThrough(text)).toBe(text)
    for (const end of ["c", "Content-Le", "content-length: 5", "content-length: 5\r\n"]) {
      expect(passThrough(ok + end)).toBe(ok)
    }
    // The parser rejects a length that is too long. Its parts are not collected without end.
    const long = `${ok}content-length: ${"5".repeat(300)}`
    expect(passThrough(long)).toBe(long)
    for (const end of ["\r", "\r\n", "\r\n\r"]) expect(passThrough(`${ok}a: 1${end}`)).toBe(`${ok}a: 1`)
    expect(passThrough("HTTP/1.1 20")).toBe("")
  })

  it("leaves further repetitions of a length to the parser, also after interim responses", () => {
    const length = "content-length: 5\r\n"
    const interim = `HTTP/1.1 103 X\r\n${length}${length}\r\n`
    for (const repeated of [`${ok}${length.repeat(40)}`, `${interim.repeat(20)}${ok}${length.repeat(20)}`]) {
      const read = passThrough(`${repeated}a: 1\r\n\r\n`)
      expect(repeated.split(length).length - read.split(length).length).toBe(16)
    }
  })

  it.each(["a: 1\r\n 2\r\n", "content-length: 1\r\n", "content-length: 1, 1\r\n", "content-length: x\r\n"])(
    "takes linear time for a head of %j without an end",
    (line) => {
      const heads = new ResponseHeadRewriter()
      heads.rewrite(Buffer.from(ok, "latin1"))
      const piece = Buffer.alloc(64 * 1024, line, "latin1")
      // CPU time of this process, because other programs add to the time on the clock.
      const before = process.cpuUsage()
      for (let n = 0; n < 64; n++) heads.rewrite(Buffer.from(piece))
      const { system, user } = process.cpuUsage(before)
      expect((user + system) / 1000).toBeLessThan(1000)
    }
  )
})
