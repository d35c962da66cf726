import * as Basic from "@countersign/protocol/Basic"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const ok = (value: string) => ({ _tag: "Ok", value })
const err = (reason: string) => ({ _tag: "Err", reason })

describe("Basic.encode", () => {
  it.each([
    ["Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
    ["test", "123£", "dGVzdDoxMjPCow=="],
    ["", "", "Og=="],
    ["user", "", "dXNlcjo="],
    ["", "pass", "OnBhc3M="],
    ["user", "pa:ss", "dXNlcjpwYTpzcw=="],
    ["ü", "😀", "w7w68J+YgA=="]
  ])("encodes user %j and password %j as %s", (user, password, token68) => {
    expect(Basic.encode(user, password)).toEqual(ok(token68))
  })

  it("normalizes decomposed characters to Normalization Form C", () => {
    expect(Basic.encode("u\u0308", "e\u0301")).toEqual(Basic.encode("\u00fc", "\u00e9"))
  })

  it.each([
    ["us:er", "pass", "ColonInUser"],
    ["us\r\ner", "pass", "ControlCharacter"],
    ["user", "pa\u0000ss", "ControlCharacter"],
    ["user", "pass\u007f", "ControlCharacter"],
    ["user\ud800", "pass", "LoneSurrogate"],
    ["user", "\udc00pass", "LoneSurrogate"],
    ["user", "\udc00\ud800", "LoneSurrogate"]
  ])("rejects user %j and password %j with %s", (user, password, reason) => {
    expect(Basic.encode(user, password)).toEqual(err(reason))
  })

  it("decodes to the input again, for any input that it accepts", () => {
    FastCheck.assert(
      FastCheck.property(
        hostile.text("user", ":", "ü", "\ud83d\ude00"),
        hostile.text("pass", ":"),
        (user, password) => {
          const encoded = Basic.encode(user, password)
          if (encoded._tag === "Err") return
          const decoded = Buffer.from(encoded.value, "base64").toString("utf8")
          expect(decoded).toBe(`${user}:${password}`.normalize("NFC"))
        }
      ),
      hostile.runs
    )
  })

  it("does not normalize text longer than 1024 code units", () => {
    const marks = "\u0301\u0327".repeat(1 << 11)
    expect(Basic.encode("", marks)).toEqual(ok(Buffer.from(`:${marks}`).toString("base64")))
  })

  it("encodes a password of one mebibyte", () => {
    const encoded = Basic.encode("user", "p".repeat(1 << 20))
    expect(encoded._tag === "Ok" && encoded.value.length).toBe(4 * Math.ceil((5 + (1 << 20)) / 3))
  })
})
