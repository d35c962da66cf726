import * as DigestChallenge from "@countersign/protocol/DigestChallenge"
import * as DigestCredentials from "@countersign/protocol/DigestCredentials"
import * as Challenge from "@countersign/protocol/Challenge"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { createHash } from "node:crypto"
import * as hostile from "./hostile.js"

const algorithms = { MD5: "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" } as const

const hashOf =
  (name: DigestChallenge.Hash): DigestCredentials.HashFunction =>
  (text) =>
    createHash(algorithms[name]).update(Buffer.from(text, "latin1")).digest("hex")

const challengeOf = (field: string): DigestChallenge.DigestChallenge => {
  const [challenge] = Challenge.parse(field)
  const result = challenge && DigestChallenge.fromChallenge(challenge)
  if (result?._tag !== "Ok") throw new Error(`not a valid challenge: ${field}`)
  return result.value
}

/** RFC 7616 §3.9.1. */
const mufasa = { uri: "/dir/index.html", cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" }
const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"

describe("DigestCredentials", () => {
  it.each([
    ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
    ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"]
  ] as const)("computes and formats the response of RFC 7616 §3.9.1 with %s", (algorithm, response) => {
    const challenge = challengeOf(
      `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="${nonce}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
    )
    const hash = hashOf(challenge.hash)
    const secret = DigestCredentials.credentialsHash(hash, "Mufasa", challenge.realm, "Circle of Life")
    const qop = { protection: "auth", nc: 1, cnonce: mufasa.cnonce, bodyHash: "" } as const
    const message = { secret, method: "GET", uri: mufasa.uri, nonce, qop }
    expect(DigestCredentials.responseDigest(hash, message)).toBe(response)
    expect(DigestCredentials.format(challenge, "Mufasa", message, response)).toBe(
      `Digest username="Mufasa", realm="http-auth@example.org", nonce="${nonce}", uri="/dir/index.html", algorithm=${algorithm}, response="${response}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", qop=auth, nc=00000001, cnonce="${mufasa.cnonce}"`
    )
  })

  it("computes the response and the user hash of RFC 7616 §3.9.2, as erratum 4897 corrects them", () => {
    const hash = hashOf("SHA-512-256")
    const realm = "api@example.org"
    const username = DigestCredentials.toByteString("Jäsøn Doe")
    expect(hash(`${username}:${realm}`)).toBe("793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b")
    const secret = DigestCredentials.credentialsHash(
      hash,
      username,
      realm,
      DigestCredentials.toByteString("Secret, or not?")
    )
    const cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    const message = {
      secret,
      method: "GET",
      uri: "/doe.json",
      nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
      qop: { protection: "auth", nc: 1, cnonce, bodyHash: "" } as const
    }
    expect(DigestCredentials.responseDigest(hash, message)).toBe(
      "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    )
  })

  it("computes the response of RFC 2617 §3.5 and of RFC 2069, without `qop`", () => {
    const hash = hashOf("MD5")
    const secret = DigestCredentials.credentialsHash(hash, "Mufasa", "testrealm@host.com", "Circle Of Life")
    const message = { secret, method: "GET", uri: "/dir/index.html", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093" }
    const qop = { protection: "auth", nc: 1, cnonce: "0a4f113b", bodyHash: "" } as const
    expect(DigestCredentials.responseDigest(hash, { ...message, qop })).toBe("6629fae49393a05397450978507c4ef1")
    expect(DigestCredentials.responseDigest(hash, { ...message, qop: undefined })).toBe(
      "670fd8c2df070c60b045671b8b24ff02"
    )
  })

  it("includes the body for `auth-int`, the nonces for a session, and no method for the proof of a server", () => {
    const texts: Array<string> = []
    const hash = (text: string) => {
      texts.push(text)
      return String(texts.length)
    }
    const secret = DigestCredentials.sessionHash(hash, "credentials", "n", "c")
    const qop = { protection: "auth-int", nc: 10, cnonce: "c", bodyHash: "body" } as const
    DigestCredentials.responseDigest(hash, { secret, method: "POST", uri: "/x?y", nonce: "n", qop })
    DigestCredentials.responseDigest(hash, { secret, method: "", uri: "/x?y", nonce: "n", qop })
    expect(texts).toEqual([
      "credentials:n:c",
      "POST:/x?y:body",
      "1:n:0000000a:c:auth-int:2",
      ":/x?y:body",
      "1:n:0000000a:c:auth-int:4"
    ])
  })

  it("formats a user name beyond ASCII as `username*`, and a hashed one as `username`", () => {
    const challenge = challengeOf('Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')
    const message = { qop: undefined, uri: "/" }
    const username = DigestCredentials.toByteString("Jäsøn Doe")
    expect(DigestCredentials.format(challenge, username, message, "0")).toContain(
      "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe"
    )
    const hashed = DigestCredentials.format({ ...challenge, userhash: true }, "00ff", message, "0")
    expect(hashed).toContain('username="00ff"')
    expect(hashed).toMatch(/, userhash=true$/)
  })

  it("formats values that a parser reads back, for any bytes of the server and the user", () => {
    const bytes = FastCheck.string({
      unit: FastCheck.integer({ min: 0x20, max: 0xff })
        .filter((code) => code !== 0x7f)
        .map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 40
    })
    FastCheck.assert(
      FastCheck.property(bytes, bytes, bytes, bytes, (realm, nonceText, opaque, uri) => {
        const challenge = { ...challengeOf('Digest realm="", nonce="n"'), realm, nonce: nonceText, opaque }
        const field = DigestCredentials.format(challenge, "user", { qop: undefined, uri }, "0")
        const [read, ...others] = Challenge.parse(field)
        expect(others).toEqual([])
        expect({ ...read?.params }).toEqual({ username: "user", realm, nonce: nonceText, uri, response: "0", opaque })
      }),
      hostile.runs
    )
  })
})
