import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { ConnectResponseReader } from "../../../src/internal/proxy/connectResponse.js"

/** Reads a response in pieces that end at these offsets. */
const readPieces = (text: string, offsets: ReadonlyArray<number>, maxHeaderSize = 16_384) => {
  const reader = new ConnectResponseReader(maxHeaderSize)
  const cuts = [...new Set([0, ...offsets.map((at) => at % (text.length + 1)), text.length])].sort((a, b) => a - b)
  let rest = ""
  let response: unknown
  for (const [at, from] of cuts.entries()) {
    const piece = text.slice(from, cuts[at + 1] ?? text.length)
    if (response !== undefined) {
      rest += piece
      continue
    }
    const found = reader.read(Buffer.from(piece, "latin1"))
    response = found?.response
    rest = found?.rest.toString("latin1") ?? ""
  }
  return { response, rest }
}

describe("ConnectResponseReader", () => {
  const rows: Record<string, readonly [head: string, status: number, headers: Record<string, string>]> = {
    "a status alone": ["HTTP/1.1 200\r\n\r\n", 200, {}],
    "an HTTP/1.0 response": [
      "HTTP/1.0 200 Connection established\r\nProxy-Agent: x\r\n\r\n",
      200,
      { "proxy-agent": "x" }
    ],
    "interim responses first": [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nlink: a\r\n\r\nHTTP/1.1 204 X\r\n\r\n",
      204,
      {}
    ],
    "a folded field": ["HTTP/1.1 200 OK\r\nvia: 1.1 a,\r\n\t1.1 b\r\n\r\n", 200, { via: "1.1 a, 1.1 b" }],
    "a repeated field": ["HTTP/1.1 503 X\r\nRetry-After: 1\r\nretry-after: 2\r\n\r\n", 503, { "retry-after": "1, 2" }],
    "bare line feeds": ["HTTP/1.1 200 OK\nvia: a\n\n", 200, { via: "a" }],
    "a switch of protocols": ["HTTP/1.1 101 X\r\nupgrade: y\r\n\r\n", 101, { upgrade: "y" }]
  }
  for (const [name, [head, status, headers]] of Object.entries(rows)) {
    it(`reads ${name} and leaves the bytes after it, in any pieces`, () => {
      FastCheck.assert(
        FastCheck.property(
          FastCheck.array(FastCheck.nat(200), { maxLength: 20 }),
          FastCheck.string(),
          (offsets, more) => {
            const rest = Buffer.from(more, "latin1").toString("latin1")
            expect(readPieces(head + rest, offsets)).toEqual({ response: { status, headers }, rest })
          }
        ),
        { numRuns: 50 }
      )
    })
  }

  it("rejects what is not HTTP at its first byte, and a header section over the limit", () => {
    const codeOf = (text: string, offsets: ReadonlyArray<number>, limit?: number): unknown => {
      try {
        return readPieces(text, offsets, limit)
      } catch (error) {
        return error instanceof Error && "code" in error ? error.code : error
      }
    }
    expect(codeOf("S", [])).toBe("HPE_INVALID_CONSTANT")
    expect(codeOf("HTTP/2 200\r\n\r\n", [1, 2, 3])).toBe("HPE_INVALID_CONSTANT")
    expect(codeOf("HTTP/1.1 20 OK\r\n\r\n", [])).toBe("HPE_INVALID_STATUS")
    expect(codeOf("HTTP/1.1 099 X\r\n\r\n", [])).toBe("HPE_INVALID_STATUS")
    expect(codeOf(`HTTP/1.1 200 OK\r\nx: ${"a".repeat(100)}`, [30, 60], 64)).toBe("HPE_HEADER_OVERFLOW")
  })

  it("never throws anything else, whatever the bytes are", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 300 }), FastCheck.boolean(), (bytes, isPrefixed) => {
        const reader = new ConnectResponseReader(100)
        try {
          reader.read(Buffer.concat([Buffer.from(isPrefixed ? "HTTP/1.1 200\r\n" : ""), bytes]))
        } catch (error) {
          expect((error as Error).name).toBe("ConnectResponseError")
        }
      })
    )
  })
})
