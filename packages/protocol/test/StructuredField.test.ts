import * as StructuredField from "@countersign/protocol/StructuredField"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Oracle from "structured-headers"
import * as hostile from "./hostile.js"
import * as structured from "./structuredOracle.js"

const {
  boolean,
  byteSequence,
  date,
  decimal,
  displayString,
  innerList,
  integer,
  item,
  parseDictionary,
  parseItem,
  parseList,
  serializeDictionary,
  serializeInnerList,
  serializeItem,
  serializeList,
  string,
  token
} = StructuredField

const ok = <A>(value: A) => ({ _tag: "Ok", value })
const err = (reason: string) => ({ _tag: "Err", reason })
const params = (...entries: ReadonlyArray<readonly [string, StructuredField.BareItem]>) => new Map(entries)
const bytes = (text: string) => byteSequence(new TextEncoder().encode(text))

// Text of a bare item, its value, and its canonical text.
const bareItems = [
  ["42", integer(42)],
  ["-0", integer(0), "0"],
  ["042", integer(42), "42"],
  ["-999999999999999", integer(-999_999_999_999_999)],
  ["4.5", decimal(4.5)],
  ["-1.250", decimal(-1.25), "-1.25"],
  ["1.0", decimal(1)],
  ["-0.0", decimal(0), "0.0"],
  ["999999999999.999", decimal(999_999_999_999.999)],
  ['""', string("")],
  ['"hello \\"world\\" \\\\"', string('hello "world" \\')],
  ["foo123/456", token("foo123/456")],
  ["*:!#$%&'*+-.^_`|~", token("*:!#$%&'*+-.^_`|~")],
  [":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:", bytes("pretend this is binary content.")],
  ["::", bytes("")],
  [":YQ:", bytes("a"), ":YQ==:"],
  [":iZ==:", byteSequence(new Uint8Array([0x89])), ":iQ==:"],
  ["?1", boolean(true)],
  ["?0", boolean(false)],
  ["@1659578233", date(1_659_578_233)],
  ["@-62135596800", date(-62_135_596_800)],
  ['%"This is intended for display to %c3%bcsers."', displayString("This is intended for display to üsers.")],
  ['%"%22%25%0a\\%ef%bb%bf%f0%9f%98%80"', displayString('"%\n\\\ufeff\u{1f600}')],
  ['%"%61"', displayString("a"), '%"a"']
] as const

const malformedItems = [
  ["", "MissingItem"],
  ["1 2", "InvalidSeparator"],
  ["1,2", "InvalidSeparator"],
  ["1\t", "InvalidSeparator"],
  ["\t1", "MissingItem"],
  ["é", "MissingItem"],
  ["-", "InvalidNumber"],
  ["- 1", "InvalidNumber"],
  ["1.", "InvalidNumber"],
  ["1.2345", "InvalidNumber"],
  ["1234567890123.0", "InvalidNumber"],
  ["1234567890123456", "InvalidNumber"],
  ["1.5.4", "InvalidSeparator"],
  ['"a', "InvalidString"],
  ['"a\\"', "InvalidString"],
  ['"\\a"', "InvalidString"],
  ['"\t"', "InvalidString"],
  ['"\u007f"', "InvalidString"],
  ['"é"', "InvalidString"],
  [":YQ==", "InvalidByteSequence"],
  [":YQ=:", "InvalidByteSequence"],
  [":Y:", "InvalidByteSequence"],
  [":=YQ=:", "InvalidByteSequence"],
  [":YQ===:", "InvalidByteSequence"],
  [":====:", "InvalidByteSequence"],
  [":_-Ah:", "InvalidByteSequence"],
  [": YQ==:", "InvalidByteSequence"],
  ["?2", "InvalidBoolean"],
  ["?", "InvalidBoolean"],
  ["@", "InvalidDate"],
  ["@1.0", "InvalidDate"],
  ["@1000000000000000", "InvalidDate"],
  ["%foo", "InvalidDisplayString"],
  ['%"foo', "InvalidDisplayString"],
  ['%"%C3%BC"', "InvalidDisplayString"],
  ['%"%c3%28"', "InvalidDisplayString"],
  ['%"%ed%a0%80"', "InvalidDisplayString"],
  ['%"%a"', "InvalidDisplayString"],
  ['%"\u007f"', "InvalidDisplayString"],
  ['%"\t"', "InvalidDisplayString"],
  ["1;", "InvalidKey"],
  ["1;A=1", "InvalidKey"],
  ["1;1=1", "InvalidKey"],
  ["1; a =1", "InvalidSeparator"],
  ["1;a= 1", "MissingItem"],
  ["1;\ta", "InvalidKey"]
] as const

describe("StructuredField.parseItem and serializeItem", () => {
  it.each(bareItems)("parse and serialize %s", (text, value, canonical: string = text) => {
    expect(parseItem(text)).toEqual(ok(item(value)))
    expect(serializeItem(item(value))).toEqual(ok(canonical))
    expect(parseItem(`  ${text}  `)).toEqual(ok(item(value)))
  })

  it("parse and serialize parameters, of which the last of a key is used", () => {
    const value = item(integer(1), params(["b", token("z")], ["a", boolean(true)], ["*._-9", boolean(false)]))
    expect(parseItem("1;  b=x; a;b=z;*._-9=?0")).toEqual(ok(value))
    expect(serializeItem(value)).toEqual(ok("1;b=z;a;*._-9=?0"))
  })

  it.each(malformedItems)("rejects the malformed item %j as %s", (text, reason) => {
    expect(parseItem(text)).toEqual(err(reason))
  })

  it.each([
    [integer(1.5), "InvalidInteger"],
    [integer(1e15), "InvalidInteger"],
    [integer(Number.NaN), "InvalidInteger"],
    [decimal(1e12), "InvalidDecimal"],
    [decimal(999_999_999_999.9999), "InvalidDecimal"],
    [decimal(Number.NaN), "InvalidDecimal"],
    [decimal(Number.NEGATIVE_INFINITY), "InvalidDecimal"],
    [string("é"), "InvalidString"],
    [string("a\n"), "InvalidString"],
    [token(""), "InvalidToken"],
    [token("1a"), "InvalidToken"],
    [token("a b"), "InvalidToken"],
    [date(0.5), "InvalidDate"],
    [date(-1e15), "InvalidDate"],
    [displayString("\ud800"), "InvalidDisplayString"]
  ])("does not serialize %j", (value, reason) => {
    expect(serializeItem(item(value))).toEqual(err(reason))
    expect(serializeItem(item(integer(1), params(["a", value])))).toEqual(err(reason))
  })

  it.each(["", "A", "1", "-a", "a b", "é"])("does not serialize the key %j", (key) => {
    expect(serializeItem(item(integer(1), params([key, boolean(true)])))).toEqual(err("InvalidKey"))
    expect(serializeDictionary(new Map([[key, item(integer(1))]]))).toEqual(err("InvalidKey"))
  })

  it.each([
    [0.0015, "0.002"],
    [0.0025, "0.002"],
    [-0.0025, "-0.002"],
    [0.00251, "0.003"],
    [9.9995, "10.0"],
    [9.9985, "9.998"],
    [1e-7, "0.0"],
    [-0.0004, "0.0"],
    [0.0005, "0.0"],
    [123_456_789_012.3456, "123456789012.346"]
  ])("rounds the Decimal %d to %s, halves to even", (value, text) => {
    expect(serializeItem(item(decimal(value)))).toEqual(ok(text))
  })
})

describe("StructuredField.parseList and serializeList", () => {
  it.each([
    ["", []],
    ["  ", []],
    ["1, 42", [item(integer(1)), item(integer(42))]],
    ["1\t,\t42\t", [item(integer(1)), item(integer(42))]],
    [
      ["1", "42"],
      [item(integer(1)), item(integer(42))]
    ],
    [['"a', 'b"'], [item(string("a, b"))]],
    ["()", [innerList([])]],
    [
      '("foo"; a=1;b=2);lvl=5, ( "bar"  "baz" );lvl=1',
      [
        innerList([item(string("foo"), params(["a", integer(1)], ["b", integer(2)]))], params(["lvl", integer(5)])),
        innerList([item(string("bar")), item(string("baz"))], params(["lvl", integer(1)]))
      ]
    ]
  ])("parses the List %j", (text, list) => {
    expect(parseList(text)).toEqual(ok(list))
  })

  it.each([
    ["1,", "MissingItem"],
    ["1,,2", "MissingItem"],
    [["1", "", "2"], "MissingItem"],
    ["1 2", "InvalidSeparator"],
    ["(", "MissingItem"],
    ["(1", "InvalidInnerList"],
    ["(1 ", "MissingItem"],
    ["(1,2)", "InvalidInnerList"],
    ['(1"a")', "InvalidInnerList"],
    ["(1\t2)", "InvalidInnerList"],
    ["((1))", "MissingItem"],
    ["1)", "InvalidSeparator"]
  ])("rejects the malformed List %j as %s", (text, reason) => {
    expect(parseList(text)).toEqual(err(reason))
  })

  it("serializes members with a comma and a space, and an empty List as an empty text", () => {
    expect(serializeList([])).toEqual(ok(""))
    const list = innerList([item(integer(1), params(["a", token("b")])), item(integer(2))], params(["q", decimal(0.5)]))
    expect(serializeList([list, innerList([]), item(string("x"))])).toEqual(ok('(1;a=b 2);q=0.5, (), "x"'))
    expect(serializeInnerList(list)).toEqual(ok("(1;a=b 2);q=0.5"))
  })
})

describe("StructuredField.parseDictionary and serializeDictionary", () => {
  it("parses members by key, in their order, and serializes them in the canonical form", () => {
    const dictionary = new Map<string, StructuredField.Member>([
      ["a", item(integer(3))],
      ["b", item(boolean(true), params(["foo", token("bar")]))],
      ["c", innerList([item(integer(5))], params(["valid", boolean(true)]))],
      ["d", item(boolean(false))]
    ])
    const parsed = parseDictionary(["a=1,  b=?1;foo=bar", "c=( 5 );valid=?1\t,d=?0, a=3"])
    expect(parsed).toEqual(ok(dictionary))
    expect(parsed._tag === "Ok" && [...parsed.value.keys()]).toEqual(["a", "b", "c", "d"])
    expect(serializeDictionary(dictionary)).toEqual(ok("a=3, b;foo=bar, c=(5);valid, d=?0"))
  })

  it.each([
    ["a=1,", "InvalidKey"],
    ["a =1", "InvalidSeparator"],
    ["a= 1", "MissingItem"],
    ["A=1", "InvalidKey"],
    ["1b=2", "InvalidKey"],
    ["a=1 b=2", "InvalidSeparator"]
  ])("rejects the malformed Dictionary %j as %s", (text, reason) => {
    expect(parseDictionary(text)).toEqual(err(reason))
  })

  it("treats __proto__ like any key", () => {
    // `_` cannot begin a key.
    expect(parseDictionary("__proto__=1")).toEqual(err("InvalidKey"))
    expect(parseDictionary("constructor=1")).toEqual(ok(new Map([["constructor", item(integer(1))]])))
  })
})

const value = (result: ReturnType<typeof serializeList>): string => {
  expect(result._tag).toBe("Ok")
  return result._tag === "Ok" ? result.value : ""
}

const seeds = ["(1;a  2.5);b=?0, x", 'a="b\\"", c;d=:YQ==:', '%"%c3%bc";a=*t', ...bareItems.map(([text]) => text)]

describe("StructuredField compared with structured-headers", () => {
  it("serializes Items, Lists and Dictionaries to the same text, and parses that text to the same value", () => {
    FastCheck.assert(
      FastCheck.property(structured.item, structured.list, structured.dictionary, (one, list, dictionary) => {
        const itemText = value(serializeItem(one))
        expect(itemText).toBe(Oracle.serializeItem(structured.toOracleItem(one)))
        expect(parseItem(itemText)).toEqual(ok(one))
        expect(structured.ours.item(itemText)).toEqual(structured.theirs.item(itemText))

        const listText = value(serializeList(list))
        expect(listText).toBe(Oracle.serializeList(list.map(structured.toOracle)))
        expect(parseList(listText)).toEqual(ok(list))
        expect(structured.ours.list(listText)).toEqual(structured.theirs.list(listText))

        const dictionaryText = value(serializeDictionary(dictionary))
        expect(dictionaryText).toBe(Oracle.serializeDictionary(structured.toOracleDictionary(dictionary)))
        expect(parseDictionary(dictionaryText)).toEqual(ok(dictionary))
        expect(structured.ours.dictionary(dictionaryText)).toEqual(structured.theirs.dictionary(dictionaryText))
      }),
      { numRuns: 2_000 }
    )
  })

  it("accepts and rejects the same mutated texts, with the same values", () => {
    const valid = FastCheck.oneof(
      structured.list.map((list) => value(serializeList(list))),
      structured.dictionary.map((dictionary) => value(serializeDictionary(dictionary)))
    )
    const mutated = FastCheck.tuple(
      valid,
      FastCheck.nat(),
      FastCheck.nat(2),
      hostile.text(...seeds, ",", " ", "(", ";")
    )
    FastCheck.assert(
      FastCheck.property(mutated, ([text, position, removed, noise]) => {
        const at = position % (text.length + 1)
        for (const input of [noise, text.slice(0, at) + noise.slice(0, 2) + text.slice(at + removed)]) {
          // The oracle accepts a Date only at the end of a field, and cuts characters above 255 in a Display String.
          if (/[@\u0080-\uffff]/.test(input)) continue
          expect([input, structured.ours.item(input)]).toEqual([input, structured.theirs.item(input)])
          expect([input, structured.ours.list(input)]).toEqual([input, structured.theirs.list(input)])
          expect([input, structured.ours.dictionary(input)]).toEqual([input, structured.theirs.dictionary(input)])
        }
      }),
      hostile.runs
    )
  })

  it("parses and serializes Dates as the oracle does", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: -8.64e12, max: 8.64e12 }), (seconds) => {
        const text = value(serializeItem(item(date(seconds))))
        expect(text).toBe(Oracle.serializeItem(new Date(seconds * 1000)))
        expect(structured.ours.item(text)).toEqual(structured.theirs.item(text))
      })
    )
    const list = [item(date(1), params(["a", date(2)])), item(date(3))]
    expect(parseList("@1;a=@2, @3")).toEqual(ok(list))
    expect(serializeList(list)).toEqual(ok("@1;a=@2, @3"))
  })
})

describe("StructuredField with text from outside", () => {
  it("rejects every text outside ASCII, and never throws", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text(...seeds, ",", "(", ")", ";", "@1"), (text) => {
        // eslint-disable-next-line no-control-regex -- ASCII contains control characters.
        const isAscii = /^[\u0000-\u007f]*$/.test(text)
        for (const parse of [parseItem, parseList, parseDictionary]) {
          const { _tag } = parse([text, text])
          if (!isAscii) expect(_tag).toBe("Err")
        }
      }),
      hostile.runs
    )
  })

  it("serializes every accepted text to a text that is parsed to the same value", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text(...seeds, ",", "(", ")", ";", "@1"), (text) => {
        const list = parseList(text)
        if (list._tag === "Ok") expect(parseList(value(serializeList(list.value)))).toEqual(list)
      }),
      hostile.runs
    )
  })

  it("rejects a value that is too long, and accepts the sizes that RFC 9651 requires", () => {
    expect(parseList("1".padEnd(StructuredField.maxLength + 1))).toEqual(err("TooLong"))
    expect(parseList("1".padEnd(StructuredField.maxLength))).toEqual(ok([item(integer(1))]))
    const members = Array.from({ length: 1024 }, (_, index) => `${`k${index}`.padEnd(64, "k")}="${"v".repeat(40)}"`)
    const dictionary = parseDictionary(members)
    expect(dictionary._tag === "Ok" && dictionary.value.size).toBe(1024)
    const octets = byteSequence(new Uint8Array(16_384).fill(255))
    expect(parseItem(value(serializeItem(item(octets))))).toEqual(ok(item(octets)))
  })

  it("does work that is linear in the text", () => {
    const units = [
      "(",
      "(1 ",
      "()",
      "a;b",
      "a=(1),",
      ":YQ==:,",
      ":",
      ':YQ==:;a="',
      '%"%c3%bc"',
      "%",
      "@1,",
      "?1,",
      "1.5,"
    ]
    for (const parse of [parseItem, parseList, parseDictionary]) {
      expect(hostile.growth(parse, 4_096, ...units)).toBeLessThan(2.1)
    }
  })
})
