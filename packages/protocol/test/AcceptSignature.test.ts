import * as AcceptSignature from "@countersign/protocol/AcceptSignature"
import * as MessageSignature from "@countersign/protocol/MessageSignature"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const ok = <A>(value: A) => ({ _tag: "Ok", value })
const err = (reason: string) => ({ _tag: "Err", reason })

// RFC 9421 §5.1.
const field =
  'sig1=("@method" "@target-uri" "@authority" "content-digest" "cache-control");keyid="test-key-rsa-pss";created;tag="app-123"'
const components = ["@method", "@target-uri", "@authority", "content-digest", "cache-control"]
const requested = AcceptSignature.make(components, { keyid: "test-key-rsa-pss", created: true, tag: "app-123" })

const parsed = (text: string): AcceptSignature.RequestedSignature => {
  const all = AcceptSignature.parse(text)
  if (all._tag === "Err") throw new Error(all.reason)
  return [...all.value.values()][0]!
}

describe("AcceptSignature.parse and format", () => {
  it("parse and format the example of RFC 9421 §5.1", () => {
    expect(AcceptSignature.format([["sig1", requested]])).toEqual(ok(field))
    expect(AcceptSignature.parse(field)).toEqual(ok(new Map([["sig1", requested]])))
  })

  it("parse and format several requests, in one or several lines", () => {
    const lines = ['a=("@status");expires;nonce="n"', 'b=("x";bs "y";req);alg="ed25519"']
    const all = AcceptSignature.parse(lines)
    expect(all).toEqual(AcceptSignature.parse(lines.join(",")))
    expect(all._tag === "Ok" && AcceptSignature.format(all.value)).toEqual(ok(lines.join(", ")))
  })

  it.each([
    ["a=(", "MalformedField"],
    ["a=(), a=()", "DuplicateLabel"],
    ["a", "InvalidMember"],
    ["a=(b)", "InvalidMember"],
    ["a=();created=1", "InvalidParameter"],
    ["a=();expires=?0", "InvalidParameter"],
    ["a=();tag", "InvalidParameter"]
  ])("rejects %j as %s", (text, reason) => {
    expect(AcceptSignature.parse(text)).toEqual(err(reason))
  })

  it("does not format an invalid label or parameter", () => {
    expect(AcceptSignature.format([["A", requested]])).toEqual(err("InvalidLabel"))
    expect(AcceptSignature.format([["a", AcceptSignature.make([], { tag: "\u00e9" })]])).toEqual(
      err("InvalidParameter")
    )
  })
})

describe("AcceptSignature.fulfil", () => {
  const fulfilled = (text: string, metadata: MessageSignature.Metadata) => {
    const input = AcceptSignature.fulfil(parsed(text), metadata)
    return input._tag === "Ok"
      ? MessageSignature.format([["a", { input: input.value, value: new Uint8Array() }]])
      : input
  }
  const input = (text: string) => ok({ "signature-input": text, signature: "a=::" })

  it("gives the requested components and parameters, and then the others of the signer", () => {
    expect(fulfilled('a=("x";bs);tag="t";created;nonce="n"', { alg: "ed25519", created: 5, keyid: "k" })).toEqual(
      input('a=("x";bs);tag="t";created=5;nonce="n";alg="ed25519";keyid="k"')
    )
    expect(fulfilled('a=();keyid="k";expires', { expires: 7, keyid: "k" })).toEqual(input('a=();keyid="k";expires=7'))
  })

  it.each([
    ["a=();created", {}, "MissingTime"],
    ["a=();created;expires", { created: 1 }, "MissingTime"],
    ['a=();keyid="k"', { keyid: "other" }, "ConflictingParameter"],
    ['a=();alg="ed25519"', { alg: "hmac-sha256" }, "ConflictingParameter"],
    ["a=();x", {}, "UnknownParameter"],
    ['a=();constructor="a"', {}, "UnknownParameter"]
  ])("does not fulfil %j with %j", (text, metadata, reason) => {
    expect(fulfilled(text, metadata)).toEqual(err(reason))
  })
})

describe("AcceptSignature with text from outside", () => {
  it("formats every accepted text to a text that is parsed to the same value", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text(field, "a=();created, ", '"x";key="y"', ",", ")"), (text) => {
        const all = AcceptSignature.parse(text)
        if (all._tag === "Err") return
        const formatted = AcceptSignature.format(all.value)
        expect(AcceptSignature.parse(formatted._tag === "Ok" ? formatted.value : "(")).toEqual(all)
        for (const one of all.value.values()) AcceptSignature.fulfil(one, { created: 1, expires: 2 })
      }),
      hostile.runs
    )
  })
})
