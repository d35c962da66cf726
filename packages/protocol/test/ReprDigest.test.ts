import * as ReprDigest from "@countersign/protocol/ReprDigest"
import * as FastCheck from "effect/FastCheck"
import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"

const hash = (algorithm: string, encoding: "hex" | "base64", text = "hello") =>
  createHash(algorithm).update(text).digest(encoding)

const sha256 = { algorithm: "sha256", hex: hash("sha256", "hex") }
const sha512 = { algorithm: "sha512", hex: hash("sha512", "hex") }
const member = (name: string, algorithm: string) => `${name}=:${hash(algorithm, "base64")}:`

describe("ReprDigest.parse", () => {
  it.each([
    [member("sha-256", "sha256"), sha256],
    [`${member("sha-256", "sha256")}, ${member("sha-512", "sha512")}`, sha512],
    [`md5=:${hash("md5", "base64")}:,${member("sha-256", "sha256")};q=1`, sha256],
    [`sha-512=:AAAA:, ${member("sha-256", "sha256")}`, sha256],
    [`sha-256=:${hash("sha256", "base64", "other")}:, ${member("sha-256", "sha256")}`, sha256],
    [member("sha-256", "sha256").replace("=:", ":").replace("sha-256:", "sha-256=:"), sha256]
  ])("finds the strongest digest of %j", (field, expected) => {
    expect(ReprDigest.parse(field)).toEqual(expected)
  })

  it.each([
    "",
    "sha-256",
    "sha-256=",
    "sha-256=::",
    "sha-256=:AAAA:",
    `sha-256=:${hash("sha256", "base64")}`,
    `sha-256="${hash("sha256", "base64")}"`,
    `${member("sha-256", "sha256")}, ???`,
    `${member("sha-256", "sha256")}, sha-256=:AAAA:`,
    `SHA-256=:${hash("sha256", "base64")}:`,
    `sha-256=:${hash("sha256", "base64").replace(/./, "-")}:`,
    `unixsum=:${hash("sha256", "base64")}:`
  ])("ignores %j", (field) => {
    expect(ReprDigest.parse(field)).toBeUndefined()
  })

  it("decodes each hash", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const buffer = Buffer.from(bytes)
        expect(ReprDigest.parse(`sha-256=:${buffer.toString("base64")}:`)?.hex).toBe(buffer.toString("hex"))
      })
    )
  })
})

describe("ReprDigest.parseContentMd5", () => {
  it("decodes the hash, and rejects other values", () => {
    expect(ReprDigest.parseContentMd5(hash("md5", "base64"))).toEqual({ algorithm: "md5", hex: hash("md5", "hex") })
    expect(ReprDigest.parseContentMd5(hash("sha256", "base64"))).toBeUndefined()
    expect(ReprDigest.parseContentMd5(hash("md5", "hex"))).toBeUndefined()
  })
})
