import * as OAuth1 from "@countersign/protocol/OAuth1"
import * as FastCheck from "effect/FastCheck"
import OAuth from "oauth-1.0a"
import { createHmac } from "node:crypto"
import { describe, expect, it } from "vitest"

const sha1 = (text: string, key: string) => createHmac("sha1", key).update(text).digest("base64")

/** Signs a request of the RFC's examples. */
const signatureOf = (message: OAuth1.Message, clientSecret: string, tokenSecret = "") =>
  sha1(OAuth1.baseString(message), OAuth1.signingKey(clientSecret, tokenSecret))

const method = ["oauth_signature_method", "HMAC-SHA1"] as const

describe("RFC 5849 examples", () => {
  it("computes the signatures of section 1.2", () => {
    const client = "kd94hf93k423kf44"
    const consumer = ["oauth_consumer_key", "dpf43f3p2l4k3l03"] as const
    const initiate = signatureOf(
      {
        method: "POST",
        url: new URL("https://photos.example.net/initiate"),
        oauth: [
          consumer,
          method,
          ["oauth_timestamp", "137131200"],
          ["oauth_nonce", "wIjqoS"],
          ["oauth_callback", "http://printer.example.com/ready"]
        ]
      },
      client
    )
    const token = signatureOf(
      {
        method: "POST",
        url: new URL("https://photos.example.net/token"),
        oauth: [
          consumer,
          ["oauth_token", "hh5s93j4hdidpola"],
          method,
          ["oauth_timestamp", "137131201"],
          ["oauth_nonce", "walatlh"],
          ["oauth_verifier", "hfdp7dh39dks9884"]
        ]
      },
      client,
      "hdhd0244k9j7ao03"
    )
    const photos = signatureOf(
      {
        method: "GET",
        url: new URL("http://photos.example.net/photos?file=vacation.jpg&size=original"),
        oauth: [
          consumer,
          ["oauth_token", "nnch734d00sl2jdk"],
          method,
          ["oauth_timestamp", "137131202"],
          ["oauth_nonce", "chapoH"]
        ]
      },
      client,
      "pfkkdhi9sl3r4s00"
    )
    expect([initiate, token, photos]).toEqual([
      "74KNZJeDHnMBp0EMJ9ZHt/XKycU=",
      "gKgrFCywp7rO0OXSjdot/IHF7IU=",
      "MdpQcU8iPSUjWoN/UDMsK2sui9I="
    ])
  })

  const oauth = [
    ["oauth_consumer_key", "9djdj82h48djs9d2"],
    ["oauth_token", "kkk9d7dh3k39sjv7"],
    method,
    ["oauth_timestamp", "137131201"],
    ["oauth_nonce", "7d8f3e4a"]
  ] as const
  const url = new URL("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b")
  const form = OAuth1.parseForm("c2&a3=2+q")

  it("normalizes the parameters of section 3.4.1.3.2", () => {
    expect(OAuth1.normalizeParameters([...url.searchParams, ...oauth, ...form])).toBe(
      "a2=r%20b&a3=2%20q&a3=a&b5=%3D%253D&c%40=&c2=&oauth_consumer_key=9djdj82h48djs9d2&oauth_nonce=7d8f3e4a" +
        "&oauth_signature_method=HMAC-SHA1&oauth_timestamp=137131201&oauth_token=kkk9d7dh3k39sjv7"
    )
  })

  it("makes the base string of section 3.4.1.1", () => {
    expect(OAuth1.baseString({ method: "post", url, oauth, form })).toBe(
      "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26" +
        "oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26" +
        "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )
  })

  it("computes the signature of erratum 2550, with the secrets of section 3.1", () => {
    expect(signatureOf({ method: "POST", url, oauth, form }, "j49sk3j29djd", "dh893hdasih9")).toBe(
      "r6/TJjbCOr97/+UU0NsvSne7s5g="
    )
  })

  it("keeps a port that is not the default in the base string (section 3.4.1.2)", () => {
    const base = OAuth1.baseString({ method: "GET", url: new URL("https://www.example.net:8080/?q=1"), oauth: [] })
    expect(base).toBe("GET&https%3A%2F%2Fwww.example.net%3A8080%2F&q%3D1")
  })
})

describe("OAuth1.percentEncode", () => {
  it("encodes each byte except letters, digits and four signs, in upper case", () => {
    expect(OAuth1.percentEncode("aZ09-._~ !'()*+%&=ü☃😀\n")).toBe(
      "aZ09-._~%20%21%27%28%29%2A%2B%25%26%3D%C3%BC%E2%98%83%F0%9F%98%80%0A"
    )
    expect(OAuth1.percentEncode("\ud800")).toBe("%EF%BF%BD")
  })

  it("encodes as the inverse of decodeURIComponent for well-formed text", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "binary" }), (text) => {
        expect(decodeURIComponent(OAuth1.percentEncode(text))).toBe(text)
      })
    )
  })
})

describe("OAuth1.parseForm", () => {
  it("decodes plus signs and percent-encodings, and keeps empty values and a question mark", () => {
    expect(OAuth1.parseForm("?a=1+2&&b=%C3%BC%zz&c&=d")).toEqual([
      ["?a", "1 2"],
      ["b", "ü%zz"],
      ["c", ""],
      ["", "d"]
    ])
    expect(OAuth1.parseForm("")).toEqual([])
  })
})

describe("OAuth1.format", () => {
  it("encodes the parameters, and quotes the realm (section 3.5.1)", () => {
    const parameters = [
      ["oauth_consumer_key", "0685bd9184jfhq22"],
      ["oauth_signature", "wOJIO9A2W5mFwDgiDvZbTSMK/PY="]
    ] as const
    expect(OAuth1.format(parameters, 'Ex"am\\ple')).toBe(
      'OAuth realm="Ex\\"am\\\\ple", oauth_consumer_key="0685bd9184jfhq22", oauth_signature="wOJIO9A2W5mFwDgiDvZbTSMK%2FPY%3D"'
    )
    expect(OAuth1.format([])).toBe("OAuth ")
  })
})

describe("oauth-1.0a", () => {
  const text = FastCheck.string({ unit: "binary", maxLength: 12 })

  it("has the same base string and key for random parameters and secrets", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.dictionary(
          // The peer replaces parameters of the same name.
          text.map((name) => `p${name}`),
          text,
          { maxKeys: 5 }
        ),
        text,
        text,
        (form, clientSecret, tokenSecret) => {
          const peer = new OAuth({ consumer: { key: "ck", secret: clientSecret }, signature_method: "PLAINTEXT" })
          const data = { url: "https://api.test:8443/a%20b?q=1&z=%C3%BC", method: "POST", data: form }
          const oauth = { oauth_consumer_key: "ck", oauth_nonce: "n", oauth_timestamp: 1 } as OAuth.Data
          const message = {
            method: "POST",
            url: new URL(data.url),
            oauth: Object.entries(oauth).map(([name, value]) => [name, String(value)] as const),
            form: Object.entries(form)
          }
          expect(OAuth1.baseString(message)).toBe(peer.getBaseString(data, oauth))
          expect(OAuth1.signingKey(clientSecret, tokenSecret)).toBe(peer.getSigningKey(tokenSecret))
        }
      )
    )
  })
})
