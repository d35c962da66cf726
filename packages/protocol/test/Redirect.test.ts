import * as Origin from "@countersign/protocol/Origin"
import * as Redirect from "@countersign/protocol/Redirect"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as hostile from "./hostile.js"

const here = "https://api.test/v1/things?page=1"
const exchange: Redirect.RedirectInput = {
  method: "GET",
  url: here,
  status: 302,
  location: "/next",
  hops: 0,
  limit: 5
}
const decide = (changes: Partial<Redirect.RedirectInput>): Redirect.Decision =>
  Redirect.decide({ ...exchange, ...changes })
const follow = (changes: Partial<Redirect.Follow>): Redirect.Follow => ({
  _tag: "Follow",
  method: "GET",
  url: "https://api.test/next",
  keepBody: true,
  sameOrigin: true,
  ...changes
})
const reject = (reason: Redirect.Reason) => ({ _tag: "Reject", reason })
const stop = { _tag: "Stop" }

describe("Redirect.decide", () => {
  const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]

  it.each([301, 302])("changes POST to GET without a body and keeps other methods, for a %i", (status) => {
    for (const method of methods) {
      const next = method === "POST" ? follow({ keepBody: false }) : follow({ method })
      expect(decide({ method, status })).toEqual(next)
    }
  })

  it("changes every method but HEAD to GET and drops the body, for a 303", () => {
    for (const method of methods) {
      const next = follow({ method: method === "HEAD" ? "HEAD" : "GET", keepBody: false })
      expect(decide({ method, status: 303 })).toEqual(next)
    }
  })

  it.each([307, 308])("keeps method and body, for a %i", (status) => {
    for (const method of methods) expect(decide({ method, status })).toEqual(follow({ method }))
  })

  it.each([100, 200, 201, 204, 299, 300, 304, 305, 306, 309, 399, 401, 503, 0, Number.NaN])(
    "stops for status %i",
    (status) => {
      expect(decide({ status })).toEqual(stop)
      expect(decide({ status, hops: 9 })).toEqual(stop)
    }
  )

  it.each([undefined, "", " \t"])("stops when Location is %j", (location) => {
    for (const status of [301, 302, 303, 307, 308]) expect(decide({ status, location, hops: 9 })).toEqual(stop)
  })

  it("rewrites lower-case methods by the same rules", () => {
    expect(decide({ method: "post" })).toEqual(follow({ keepBody: false }))
    expect(decide({ method: "head", status: 303 })).toEqual(follow({ method: "head", keepBody: false }))
  })
})

describe("Redirect.decide", () => {
  it.each([
    ["https://api.test/next", "https://api.test/next"],
    ["//api.test/next", "https://api.test/next"],
    ["next", "https://api.test/v1/next"],
    ["../next", "https://api.test/next"],
    ["?page=2", "https://api.test/v1/things?page=2"],
    ["/next?", "https://api.test/next?"],
    ["/next?q='a b'&f[n]=%7e+~", "https://api.test/next?q='a%20b'&f[n]=%7e+~"],
    ["#top", "https://api.test/v1/things?page=1#top"],
    ["HTTPS://API.TEST:443/next", "https://api.test/next"],
    [" /next\t", "https://api.test/next"],
    ["/a b/ü", "https://api.test/a%20b/%C3%BC"],
    ["https:next", "https://api.test/v1/next"]
  ])("resolves the Location %j to %s", (location, url) => {
    expect(decide({ location })).toEqual(follow({ url }))
  })

  it.each([
    ["//evil.test/x", "https://evil.test/x"],
    ["\\\\evil.test/x", "https://evil.test/x"],
    ["/\\evil.test/x", "https://evil.test/x"],
    ["https:\\\\evil.test", "https://evil.test/"],
    ["https://api.test:8443/", "https://api.test:8443/"],
    ["https://www.api.test/", "https://www.api.test/"],
    ["https://test/", "https://test/"],
    ["https://api.test./", "https://api.test./"],
    ["https://api.test.evil.test/", "https://api.test.evil.test/"],
    ["https://аpi.test/", "https://xn--pi-6kc.test/"]
  ])("resolves the Location %j to %s, which is another origin", (location, url) => {
    const next = follow({ url, sameOrigin: false, keepBody: false })
    expect(decide({ location })).toEqual(next)
    expect(decide({ location, crossOrigin: "follow" })).toEqual(next)
    expect(decide({ location, crossOrigin: "reject" })).toEqual(reject("CrossOrigin"))
  })

  it.each([
    ["https://", "InvalidLocation"],
    ["https://a b/", "InvalidLocation"],
    ["https://api.test:99999/", "InvalidLocation"],
    ["https://[::1/", "InvalidLocation"],
    ["/ne\txt", "InvalidLocation"],
    ["/next\r\nset-cookie: a=b", "InvalidLocation"],
    ["/\u0000", "InvalidLocation"],
    ["htt\nps://evil.test", "InvalidLocation"],
    ["ftp://api.test/", "UnsupportedScheme"],
    ["file:///etc/passwd", "UnsupportedScheme"],
    ["data:text/html,x", "UnsupportedScheme"],
    ["blob:https://api.test/1", "UnsupportedScheme"],
    ["javascript:alert(1)", "UnsupportedScheme"],
    ["unix:/var/run/s.sock", "UnsupportedScheme"],
    ["api.test:443/next", "UnsupportedScheme"],
    ["https://user@api.test/", "Credentials"],
    ["https://user:pass@evil.test/", "Credentials"],
    ["https://:pass@api.test/", "Credentials"],
    ["http://api.test/next", "Downgrade"],
    ["http://evil.test/", "Downgrade"],
    ["http://user@api.test/", "Credentials"]
  ] as const)("rejects the Location %j with %s", (location, reason) => {
    expect(decide({ location })).toEqual(reject(reason))
    expect(decide({ location, crossOrigin: "reject" })).toEqual(reject(reason))
  })

  it("treats http to https as another origin, and http to http as the same", () => {
    const url = "http://api.test/"
    expect(decide({ url, location: "https://api.test/" })).toEqual(
      follow({ url: "https://api.test/", sameOrigin: false, keepBody: false })
    )
    expect(decide({ url, location: "/next" })).toEqual(follow({ url: "http://api.test/next" }))
  })

  it("inherits the fragment unless Location has one, even an empty one", () => {
    const url = `${here}#part`
    expect(decide({ url })).toEqual(follow({ url: "https://api.test/next#part" }))
    expect(decide({ url, location: "/next#other" })).toEqual(follow({ url: "https://api.test/next#other" }))
    expect(decide({ url, location: "/next#" })).toEqual(follow({ url: "https://api.test/next#" }))
  })

  it("keeps the query of the request URL when Location is only a fragment", () => {
    expect(decide({ url: "https://api.test/x?q='a'&b=%7e", location: "#top" })).toEqual(
      follow({ url: "https://api.test/x?q='a'&b=%7e#top" })
    )
  })

  it("does not inherit the userinfo of the request URL", () => {
    expect(decide({ url: "https://user:pass@api.test/" })).toEqual(follow({}))
  })

  it.each(["", "nonsense", "/relative"])("rejects a redirect of the request URL %j", (url) => {
    expect(decide({ url })).toEqual(reject("InvalidLocation"))
  })

  it("rejects a redirect of a request URL that is neither http nor https", () => {
    for (const location of ["/next", "https://api.test/next"]) {
      expect(decide({ url: "ftp://api.test/", location })).toEqual(reject("UnsupportedScheme"))
    }
  })
})

describe("Redirect.decide", () => {
  it.each([
    [0, 5, "Follow"],
    [4, 5, "Follow"],
    [5, 5, "Reject"],
    [6, 5, "Reject"],
    [0, 0, "Reject"],
    [Number.NaN, 5, "Reject"],
    [0, Number.NaN, "Reject"]
  ])("after %d redirects with a limit of %d, decides %s", (hops, limit, tag) => {
    const decision = decide({ hops, limit })
    expect(decision._tag).toBe(tag)
    if (decision._tag === "Reject") expect(decision.reason).toBe("TooMany")
  })
})

describe("Redirect.decide", () => {
  const elsewhere = { location: "https://evil.test/" }
  const bare = follow({ url: "https://evil.test/", sameOrigin: false, keepBody: false })

  it.each(["POST", "PUT", "PATCH", "QUERY"])(
    "sends the body of a %s to another origin only with crossOriginBody",
    (method) => {
      const moved = { ...elsewhere, method, status: 307 }
      expect(decide(moved)).toEqual(reject("CrossOriginBody"))
      expect(decide({ ...moved, crossOriginBody: false })).toEqual(reject("CrossOriginBody"))
      expect(decide({ ...moved, crossOriginBody: true })).toEqual({ ...bare, method, keepBody: true })
      expect(decide({ ...moved, crossOrigin: "reject", crossOriginBody: true })).toEqual(reject("CrossOrigin"))
      expect(decide({ ...moved, hasBody: false })).toEqual({ ...bare, method })
    }
  )

  it.each(["GET", "HEAD", "OPTIONS", "DELETE"])("follows a %s, which has no body, to another origin", (method) => {
    expect(decide({ ...elsewhere, method, status: 307 })).toEqual({ ...bare, method })
  })

  it("rejects a cross-origin GET with hasBody", () => {
    expect(decide({ ...elsewhere, hasBody: true })).toEqual(reject("CrossOriginBody"))
  })

  it("follows a redirect that drops the body to another origin", () => {
    expect(decide({ ...elsewhere, method: "POST", status: 302 })).toEqual(bare)
    expect(decide({ ...elsewhere, method: "PUT", status: 303, hasBody: true })).toEqual(bare)
  })
})

describe("Redirect.decide", () => {
  const seeds = [
    "https://api.test/",
    "http://api.test",
    "//evil.test",
    "\\\\",
    "/",
    "..",
    "@",
    ":",
    "#",
    "?",
    "%",
    "[::1]"
  ]

  it("follows only to http or https, without userinfo or downgrade, and reports sameOrigin, for any input", () => {
    const any = FastCheck.record({
      method: FastCheck.oneof(FastCheck.constantFrom("GET", "POST", "PUT", "HEAD"), hostile.text("POST")),
      url: FastCheck.oneof(FastCheck.constantFrom(here, "http://api.test/"), hostile.text(...seeds)),
      status: FastCheck.oneof(FastCheck.constantFrom(301, 302, 303, 307, 308), FastCheck.integer()),
      location: hostile.text(...seeds),
      hops: FastCheck.nat(6),
      limit: FastCheck.constant(5),
      crossOriginBody: FastCheck.constantFrom(undefined, true, false)
    })
    FastCheck.assert(
      FastCheck.property(any, (input) => {
        const decision = Redirect.decide(input)
        if (decision._tag !== "Follow") return
        const url = new URL(decision.url)
        expect(url.username + url.password).toBe("")
        // The apostrophe of a query is the only character that a parser encodes and `decide` does not encode.
        expect(url.href).toBe(decision.url.replace(/(?<=\?.*)'/g, "%27").replace(/(?<=#.*)%27/g, "'"))
        expect(Origin.of(decision.url)).not.toBe(Origin.opaque)
        expect(decision.sameOrigin).toBe(Origin.same(input.url, decision.url))
        if (input.url.startsWith("https:")) expect(url.protocol).toBe("https:")
        if (!decision.sameOrigin && input.crossOriginBody !== true) expect(decision.keepBody).toBe(false)
      }),
      hostile.runs
    )
  })

  it("rejects a host longer than 1024 characters, and follows a path of that length", () => {
    const long = "\u0301\u0327".repeat(1 << 11)
    for (const location of [`//a${long}`, `\\/a${long}/x`, `https://a${long}`, `///a${long}?x`]) {
      expect(decide({ location })).toEqual(reject("InvalidLocation"))
    }
    for (const location of [long, `/${long}`, `?${long}`, `/a:${long}`, `//api.test/${long}`]) {
      expect(decide({ location })).toMatchObject({ _tag: "Follow", sameOrigin: true })
    }
  })

  it("does work that is linear in the length of Location", () => {
    expect(hostile.growth((location) => decide({ location }), 8_192, ...seeds)).toBeLessThan(2.1)
  })
})

describe("Redirect.decide", () => {
  it("accepts several equal Locations and rejects different ones", () => {
    expect(decide({ location: ["/next", " /next\t", ""] })).toEqual(follow({}))
    expect(decide({ location: [] })).toEqual(stop)
    expect(decide({ location: ["", " "] })).toEqual(stop)
    expect(decide({ location: ["/next", "/other"] })).toEqual(reject("InvalidLocation"))
    expect(decide({ location: ["/next", "/other"], hops: 5 })).toEqual(reject("TooMany"))
    expect(decide({ location: ["/next", "/other"], status: 200 })).toEqual(stop)
  })
})

describe("Redirect.references", () => {
  it.each([
    ["", [""]],
    ["/next?a=b#c", ["/next?a=b#c"]],
    ["/caf\u00c3\u00a9?\u00ff", ["/caf%C3%A9?%FF"]],
    ["/café/€", ["/café/€"]],
    ["/a, /a", ["/a"]],
    ["y, y, y", ["y"]],
    ["Sun, 1, Sun, 1", ["Sun, 1"]],
    ["/a, /b", ["/a", "/b"]],
    ["https://a.test/\u00e9, HTTP://b.test", ["https://a.test/%E9", "HTTP://b.test"]],
    ["/a, b", ["/a, b"]],
    ["/search?q=a, b", ["/search?q=a, b"]],
    ["/a,/b", ["/a,/b"]],
    ["/a b, /c", ["/a b, /c"]]
  ])("splits %j into %j", (field, references) => {
    expect(Redirect.references(field)).toEqual(references)
  })

  it("percent-encodes any octets, so that decoding gives them back", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 20 }), (bytes) => {
        const references = Redirect.references(String.fromCharCode(...bytes))
        for (const reference of references) expect(reference).toMatch(/^[\0-\x7f]*$/)
        const [first = ""] = references
        if (references.length > 1 || first.includes("%25") || bytes.includes(0x25) || bytes.includes(0x2c)) return
        const decoded = first.replace(/%../g, (octet) => String.fromCharCode(Number.parseInt(octet.slice(1), 16)))
        expect(decoded).toBe(String.fromCharCode(...bytes))
      })
    )
  })

  it("does work that is linear in the length of the field", () => {
    expect(hostile.growth((field) => Redirect.references(field), 8_192, ", ", "/, ", "/a, ")).toBeLessThan(2.1)
  })
})

describe("Redirect.isSafeCrossOriginHeader", () => {
  it.each([
    "accept",
    "Accept",
    "accept-charset",
    "accept-language",
    "ACCEPT-ENCODING",
    "user-agent",
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "If-Range"
  ])("returns true for %s", (name) => {
    expect(Redirect.isSafeCrossOriginHeader(name)).toBe(true)
  })

  it.each([
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "Ocp-Apim-Subscription-Key",
    "x-whatever",
    "content-type",
    "content-length",
    "referer",
    "origin",
    "host",
    "idempotency-key",
    "traceparent",
    "dpop",
    "acceptance",
    "accept-key",
    "Accept-Token",
    "accept-",
    "iffy",
    "if-api-token",
    "If-Secret",
    "if-",
    "x-accept",
    "range-key",
    "user-agent-key",
    ""
  ])("returns false for %j", (name) => {
    expect(Redirect.isSafeCrossOriginHeader(name)).toBe(false)
  })
})
