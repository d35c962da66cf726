/** Header compression (HPACK), tested with the examples of RFC 7541 Appendix C. */
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { FieldDecoder } from "../../../src/internal/http2/fieldDecoder.js"
import { FieldEncoder } from "../../../src/internal/http2/fieldEncoder.js"
import { decodeHuffman } from "../../../src/internal/http2/huffman.js"

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex")
const largest = 16 * 1024

/** The decoded fields as lines, for consecutive blocks of one connection. */
const decode = (...blocks: ReadonlyArray<string | Buffer>): ReadonlyArray<ReadonlyArray<string>> => {
  const decoder = new FieldDecoder()
  return blocks.map((block) =>
    decoder
      .decode(typeof block === "string" ? bytes(block) : block, largest)
      .fields.map(({ name, value }) => `${name.toString("latin1")}: ${value.toString("latin1")}`)
  )
}

const requests = [
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
  [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"]
]

const date = (second: number) => `date: Mon, 21 Oct 2013 20:13:${second} GMT`
const location = "location: https://www.example.com"
const cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"

const responses = [
  [":status: 302", "cache-control: private", date(21), location],
  [":status: 307", "cache-control: private", date(21), location],
  [":status: 200", "cache-control: private", date(22), location, "content-encoding: gzip", cookie]
]

/** Sets the table size to 256 bytes, as in Appendix C.5 and C.6, so that fields are evicted. */
const small = "3fe101"

describe("FieldDecoder", () => {
  for (const [example, block, line] of [
    ["C.2.1", "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header"],
    ["C.2.2", "040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path"],
    ["C.2.3", "1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret"],
    ["C.2.4", "82", ":method: GET"]
  ] as const) {
    it(`decodes the field of RFC 7541 ${example}`, () => {
      expect(decode(block)).toEqual([[line]])
    })
  }

  for (const [example, blocks, lists] of [
    [
      "C.3",
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"
      ],
      requests
    ],
    [
      "C.4",
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"
      ],
      requests
    ],
    [
      "C.5",
      [
        `${small} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120
         474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`.replaceAll(/\s/g, ""),
        "4803 3330 37c1 c0bf",
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
         4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
         7369 6f6e 3d31`.replaceAll(/\s/g, "")
      ],
      responses
    ],
    [
      "C.6",
      [
        `${small} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718
         63c7 8f0b 97c8 e9ae 82ae 43d3`.replaceAll(/\s/g, ""),
        "4883 640e ffc1 c0bf",
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
         cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`.replaceAll(/\s/g, "")
      ],
      responses
    ]
  ] as const) {
    it(`decodes the sequence of RFC 7541 ${example}`, () => {
      expect(decode(...blocks)).toEqual(lists)
    })
  }

  for (const [name, block] of [
    ["the index 0", "80"],
    ["an index beyond the table", "be"],
    ["an index beyond the table for a name", "7f00 0161"],
    ["a number without an end", "ff"],
    ["a number beyond 2^28", "ff ff ff ff ff 7f"],
    ["a name without an end", "4005 61"],
    ["a value without an end", "4001 6105 62"],
    ["a name and no value", "4001 61"],
    ["a table larger than allowed", "3fe2 1f"],
    ["a change of the table after a field", "8220"],
    ["the end of the string inside a Huffman code", "4001 6184 ffff ffff"],
    ["Huffman padding of more than 7 bits", "4001 6182 1fff"],
    ["Huffman padding of zeros", "4001 6181 18"]
  ] as const) {
    it(`rejects ${name}`, () => {
      expect(() => decode(block)).toThrow(/COMPRESSION_ERROR/)
    })
  }

  it("keeps an empty table and accepts fields that are larger than the table", () => {
    const entry = "4001 6101 62"
    expect(decode(`20 ${entry}`, `20 ${entry}`)).toEqual([["a: b"], ["a: b"]])
    expect(() => decode(`20 ${entry}`, "be")).toThrow(/beyond the table/)
  })

  it("reports a list that is too large and still updates the table", () => {
    const decoder = new FieldDecoder()
    const list = decoder.decode(bytes("4001 6105 6262 6262 62 4001 6301 64"), 60)
    expect(list).toMatchObject({ isTooLarge: true, fields: [{ name: Buffer.from("a") }] })
    expect(decoder.decode(bytes("be"), 60).fields[0]).toEqual({ name: Buffer.from("c"), value: Buffer.from("d") })
  })

  it("fails only with a compression error for any bytes", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.uint8Array({ maxLength: 64 }), { maxLength: 4 }), (blocks) => {
        const decoder = new FieldDecoder()
        try {
          for (const block of blocks) decoder.decode(Buffer.from(block), largest)
        } catch (error) {
          expect(String(error)).toMatch(/COMPRESSION_ERROR/)
        }
      }),
      { numRuns: 2000 }
    )
  })
})

describe("decodeHuffman", () => {
  it("decodes the strings of RFC 7541 Appendix C", () => {
    expect(decodeHuffman(bytes("f1e3 c2e5 f23a 6ba0 ab90 f4ff")).toString()).toBe("www.example.com")
    expect(decodeHuffman(bytes("9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3")).toString()).toBe(
      "https://www.example.com"
    )
    expect(decodeHuffman(Buffer.alloc(0))).toHaveLength(0)
  })
})

describe("FieldEncoder", () => {
  const token = FastCheck.stringMatching(/^[a-z0-9-]{1,200}$/)
  const latin = FastCheck.stringMatching(/^[\x21-\xff]{0,300}$/)
  const known = FastCheck.constantFrom([":method", "GET"], [":path", "/"], ["cookie", "a=1"], ["accept-encoding", ""])

  it("encodes fields that decode to the same fields, in each block of a connection", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.array(FastCheck.oneof(FastCheck.tuple(token, latin), known)), { maxLength: 3 }),
        (lists) => {
          const encoder = new FieldEncoder()
          const blocks = lists.map((fields) => encoder.encode(fields.map(([name = "", value = ""]) => [name, value])))
          expect(decode(...blocks)).toEqual(lists.map((fields) => fields.map(([name, value]) => `${name}: ${value}`)))
        }
      )
    )
  })

  it("marks fields as never indexed and first sets the table of the decoder to size 0", () => {
    const encoder = new FieldEncoder()
    expect(encoder.encode([["authorization", "x"]])).toEqual(bytes("20 1f08 0178"))
    expect(encoder.encode([["x-key", "x"]])).toEqual(bytes("10 05 782d6b6579 01 78"))
    expect(encoder.encode([[":method", "GET"]])).toEqual(bytes("82"))
  })
})
