import * as Challenge from "@countersign/protocol/Challenge"
import * as DigestChallenge from "@countersign/protocol/DigestChallenge"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const read = (field: string) => Challenge.parse(field).map(DigestChallenge.fromChallenge)

const minimal = {
  realm: "r",
  nonce: "n",
  opaque: undefined,
  hash: "MD5",
  session: false,
  algorithm: undefined,
  qop: [],
  stale: false,
  userhash: false,
  domain: []
}

describe("DigestChallenge.fromChallenge", () => {
  it.each([
    ['Digest realm="r", nonce="n"', {}],
    [
      'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"',
      { hash: "SHA-256", algorithm: "SHA-256", qop: ["auth"] }
    ],
    [
      'Digest realm="r", nonce="n", algorithm="sha-512-256-SESS", qop=AUTH',
      { hash: "SHA-512-256", session: true, algorithm: "sha-512-256-SESS", qop: ["auth"] }
    ],
    ['Digest realm="r", nonce="n", qop="auth-int,token, auth"', { qop: ["auth-int", "auth"] }],
    ['Digest realm="r", nonce="n", stale=TRUE, userhash="true"', { stale: true, userhash: true }],
    ['Digest realm="r", nonce="n", stale=yes, userhash=1', {}],
    [
      'Digest realm="r", nonce="n", domain="/a  https://b.test/c", opaque=""',
      { domain: ["/a", "https://b.test/c"], opaque: "" }
    ]
  ])("reads %s", (field, expected) => {
    expect(read(field)).toEqual([{ _tag: "Ok", value: { ...minimal, ...expected } }])
  })

  it.each([
    ['Basic realm="r"', "NotDigest"],
    ['Digest nonce="n"', "MissingRealm"],
    ['Digest realm="r"', "MissingNonce"],
    ['Digest realm="r", nonce=""', "MissingNonce"],
    ['Digest realm="r", nonce="n", algorithm=SHA-512', "UnknownAlgorithm"],
    ['Digest realm="r", nonce="n", algorithm=-sess', "UnknownAlgorithm"],
    ['Digest realm="r", nonce="n", qop="token"', "UnknownProtection"],
    ['Digest realm="r", nonce="n", qop=""', "UnknownProtection"],
    ['Digest realm="r", nonce="n", algorithm=MD5-sess', "UnknownProtection"],
    [`Digest realm="r", nonce="${"n".repeat(DigestChallenge.maxValueLength + 1)}"`, "TooLong"],
    [`Digest realm="r", nonce="n", opaque="${"o".repeat(DigestChallenge.maxValueLength + 1)}"`, "TooLong"]
  ])("rejects %s", (field, reason) => {
    expect(read(field)).toEqual([{ _tag: "Err", reason }])
  })

  it("uses the first of two parameters with one name", () => {
    expect(read('Digest realm="r", nonce="n", realm="s", nonce="m", algorithm=SHA-256, algorithm=MD5')).toMatchObject([
      { value: { realm: "r", nonce: "n", hash: "SHA-256" } }
    ])
  })

  it("reads each of several challenges in one field", () => {
    const field =
      'Digest realm="r", nonce="n", algorithm=SHA-256, Digest realm="r", nonce="n", algorithm=MD5, Basic realm="r"'
    expect(read(field).map((result) => (result._tag === "Ok" ? result.value.hash : result.reason))).toEqual([
      "SHA-256",
      "MD5",
      "NotDigest"
    ])
  })

  it("returns a result for any text", () => {
    FastCheck.assert(
      FastCheck.property(
        hostile.text('Digest realm="r", nonce="n", qop="auth"', "algorithm=SHA-256-sess,"),
        (field) => {
          for (const result of read(field)) {
            if (result._tag === "Ok") expect(result.value.nonce).not.toBe("")
          }
        }
      ),
      hostile.runs
    )
  })
})

describe("DigestChallenge.parseInfo", () => {
  it.each([
    ['nextnonce="n", qop=auth, rspauth="AB12", cnonce="c", nc=00000001', { nextnonce: "n", rspauth: "ab12" }],
    ["rspauth=ab", { nextnonce: undefined, rspauth: "ab" }],
    ['nextnonce=""', { nextnonce: undefined, rspauth: undefined }],
    ["", { nextnonce: undefined, rspauth: undefined }],
    ["abc", { nextnonce: undefined, rspauth: undefined }],
    [`nextnonce="${"n".repeat(5000)}"`, { nextnonce: undefined, rspauth: undefined }]
  ])("reads %j", (field, expected) => {
    expect(DigestChallenge.parseInfo(field)).toEqual(expected)
  })
})
