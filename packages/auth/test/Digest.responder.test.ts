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
    expect(sign("CONNECT", "a.test:443", undefined)).toBeUndefined()
    expect(onRejected(challenge("n"), undefined)).toBe(true)
    expect(sign("CONNECT", "a.test:443", undefined)?.field).toMatch(/nonce="n", uri="a.test:443".*nc=00000001/)
    expect(sign("GET", "http://a.test/", undefined)?.field).toMatch(/uri="http:\/\/a.test\/".*nc=00000002/)
  })

  it("gives up after a new nonce is rejected, and renews one that was accepted or is stale", () => {
    const { onAccepted, onRejected, sign } = responder()
    onRejected(challenge("1"), undefined)
    expect(onRejected(challenge("2"), sign("GET", "/", undefined))).toBe(false)
    const stale = sign("GET", "/", undefined)
    expect(onRejected(challenge("3", ", stale=true"), stale)).toBe(true)
    const accepted = sign("GET", "/", stale)
    if (accepted !== undefined) onAccepted(accepted, 'nextnonce="4"')
    expect(accepted?.nonce).toBe("3")
    const next = sign("GET", "/", undefined)
    expect(next?.field).toMatch(/nonce="4".*nc=00000001/)
    expect(onRejected(challenge("5"), next)).toBe(true)
  })

  it("signs each request with the nonce of the rejection that it follows, and others with a spare nonce", () => {
    const { onAccepted, onRejected, sign } = responder()
    // Three requests without a digest: each gets a nonce.
    for (const nonce of ["1", "2", "3"]) expect(onRejected(challenge(nonce), undefined)).toBe(true)
    const [first, second, third, fourth] = Array.from({ length: 4 }, () => sign("GET", "/", undefined))
    expect([first, second, third, fourth].map((one) => one?.nonce)).toEqual(["3", "2", "1", "1"])
    if (third !== undefined) onAccepted(third, undefined)
    expect(onRejected(challenge("4"), fourth)).toBe(true)
    expect(sign("GET", "/", undefined)?.nonce).toBe("1")
    const own = sign("GET", "/", fourth)
    expect(own?.field).toMatch(/nonce="4".*nc=00000001/)
    // The first use of a nonce is rejected: the password is wrong.
    expect(onRejected(challenge("5"), own)).toBe(false)
  })

  it("does not answer algorithms that are not allowed, and other schemes", () => {
    const { onRejected } = responder()
    expect(onRejected(Challenge.parse('Digest realm="r", nonce="n", qop="auth"'), undefined)).toBe(false)
    expect(onRejected(Challenge.parse('Basic realm="r"'), undefined)).toBe(false)
    expect(onRejected([], undefined)).toBe(false)
  })
})
