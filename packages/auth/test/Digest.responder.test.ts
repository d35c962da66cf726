import * as Digest from "@countersign/auth/Digest"
import * as Challenge from "@countersign/protocol/Challenge"
import { describe, expect, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"

const responder = () => Digest.makeResponder({ username: "ada", password: Redacted.make("canary") })

const challenge = (nonce: string, more = "") =>
  Challenge.parse(`Digest realm="r", nonce="${nonce}", qop="auth", algorithm=SHA-256, domain="/elsewhere"${more}`)

describe("Digest.makeResponder", () => {
  it("signs nothing before a challenge, and counts from 1 after it", () => {
    const { onRejected, sign } = responder()
    expect(sign("CONNECT", "a.test:443")).toBeUndefined()
    expect(onRejected(challenge("n"), undefined)).toBe(true)
    expect(sign("CONNECT", "a.test:443")?.field).toMatch(/nonce="n", uri="a.test:443".*nc=00000001/)
    expect(sign("GET", "http://a.test/")?.field).toMatch(/uri="http:\/\/a.test\/".*nc=00000002/)
  })

  it("gives up after a new nonce is rejected, and renews one that was accepted or is stale", () => {
    const { onAccepted, onRejected, sign } = responder()
    onRejected(challenge("1"), undefined)
    expect(onRejected(challenge("2"), sign("GET", "/"))).toBe(false)
    expect(onRejected(challenge("3", ", stale=true"), sign("GET", "/"))).toBe(true)
    const accepted = sign("GET", "/")
    if (accepted !== undefined) onAccepted(accepted, 'nextnonce="4"')
    expect(accepted?.nonce).toBe("3")
    const next = sign("GET", "/")
    expect(next?.field).toMatch(/nonce="4".*nc=00000001/)
    expect(onRejected(challenge("5"), next)).toBe(true)
  })

  it("does not answer algorithms that are not allowed, and other schemes", () => {
    const { onRejected } = responder()
    expect(onRejected(Challenge.parse('Digest realm="r", nonce="n", qop="auth"'), undefined)).toBe(false)
    expect(onRejected(Challenge.parse('Basic realm="r"'), undefined)).toBe(false)
    expect(onRejected([], undefined)).toBe(false)
  })
})
