/** Every parser of `protocol`, with valid inputs from which invalid ones are made. */
import * as AcceptSignature from "@countersign/protocol/AcceptSignature"
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import * as BaseUrl from "@countersign/protocol/BaseUrl"
import * as Basic from "@countersign/protocol/Basic"
import * as CacheControl from "@countersign/protocol/CacheControl"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Content from "@countersign/protocol/Content"
import * as ContentDigest from "@countersign/protocol/ContentDigest"
import * as ContentRange from "@countersign/protocol/ContentRange"
import * as DigestChallenge from "@countersign/protocol/DigestChallenge"
import * as DigestCredentials from "@countersign/protocol/DigestCredentials"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Link from "@countersign/protocol/Link"
import * as MessageSignature from "@countersign/protocol/MessageSignature"
import * as OAuth1 from "@countersign/protocol/OAuth1"
import * as OptionNames from "@countersign/protocol/OptionNames"
import * as Origin from "@countersign/protocol/Origin"
import * as RateLimit from "@countersign/protocol/RateLimit"
import * as Redact from "@countersign/protocol/Redact"
import * as Redirect from "@countersign/protocol/Redirect"
import * as ReprDigest from "@countersign/protocol/ReprDigest"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as StructuredField from "@countersign/protocol/StructuredField"
import * as Vary from "@countersign/protocol/Vary"
import { units } from "./mutations.js"

/** A function that parses text from outside. */
export interface Parser {
  readonly name: string
  readonly run: (text: string) => unknown
  readonly seeds: ReadonlyArray<string>
  /** Texts that are repeated to make a long input. */
  readonly units: ReadonlyArray<string>
}

const parser = (name: string, run: Parser["run"], seeds: ReadonlyArray<string>): Parser => ({
  name,
  run,
  seeds,
  units: [...units, ...seeds.map((seed) => `${seed}, `)]
})

/** Names of options that a file contains. */
const unknownName = (name: string): string | undefined => {
  const options = { timeout: { [name]: 1 }, [name]: 1 }
  const unknown = OptionNames.findUnknown(options, { baseUrl: true, timeout: { call: true } }, { maxRetries: "retry" })
  return unknown === undefined ? undefined : OptionNames.explain("a call", unknown)
}

const readDigests = (text: string) => Challenge.parse(text).map(DigestChallenge.fromChallenge)

const digest = DigestChallenge.fromChallenge({ scheme: "digest", params: { realm: "r", nonce: "n", qop: "auth" } })

const formatDigest = (text: string): string | undefined =>
  digest._tag === "Ok" ? DigestCredentials.format(digest.value, text, { uri: text, qop: undefined }, text) : undefined

/** Each text that OAuth 1.0 signs. */
const oauthField: ReadonlyArray<OAuth1.Parameter> = [["oauth_nonce", "n"]]

const oauthBase = (text: string): string => {
  const url = new URL("https://api.example.com/?a=1")
  return OAuth1.baseString({ method: "POST", url, oauth: oauthField, form: OAuth1.parseForm(text) })
}

const now = Date.UTC(2026, 10, 22)

const urls = [
  "https://api.example.com/v1/users?page=2&q=%C3%BC#top",
  "http://user:password@127.0.0.1:8080/",
  "https://[2001:db8::1]:443/a/../b",
  "//evil.test/x",
  "/v1/users/1",
  "?page=2",
  "HTTPS://EXAMPLE.COM:443",
  "data:text/plain,hello",
  "https://xn--bcher-kva.example/%2e%2e/"
]
const dates = [
  "Sun, 06 Nov 1994 08:49:37 GMT",
  "Sunday, 06-Nov-94 08:49:37 GMT",
  "Sun Nov  6 08:49:37 1994",
  "Mon, 23 Nov 2026 00:00:00 GMT"
]
const cacheDirectives = ["max-age=60, no-store", 'private="set-cookie, age", Max-Age="60"']
const challenges = [
  'Basic realm="simple", charset="UTF-8"',
  'Bearer realm="example", error="invalid_token", error_description="The \\"token\\" expired"',
  'Digest realm="a", qop="auth, auth-int", algorithm=SHA-256, nonce="7yp", opaque="FQ"',
  "Negotiate YIIJvwYGKwYBBQUCoIIJszCCCa8=",
  'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"'
]
const limits = [
  '"default";r=0;t=30',
  '"burst";q=100;w=60,"daily";q=1000;w=86400',
  '"a";r=10;t=5, "b";r=0;t=60;pk=:YWJj:',
  "limit=100, remaining=0, reset=50",
  "1.5"
]
const links = [
  '<https://api.example.com/issues?page=2>; rel="next", <https://api.example.com/issues?page=9>; rel="last"',
  '</issues?page=2,3>; rel="next last"; title="a, b"',
  '<?page=2>;rel=next;anchor="#top"',
  "<>; title*=UTF-8''a%20b; rel=\"prev\""
]
const digests = [
  "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
  "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:, sha-512=:AAAA:;q=1"
]
const structured = [
  "sugar, tea;q=0.5, rum",
  '("foo";a=1;b "bar");lvl=-5.125, ();x=@1659578233',
  'en="Apple\\"pie\\\\", da=:w4ZibGV0w6ZydGU=:;v, u=?0',
  '%"f%c3%bc%f0%9f%98%80";*k_-.9=*t:/x'
]
const signatureInputs = [
  'sig1=("@method" "@query-param";name="Pet" "dict";key="a");created=1618884473;keyid="test-key-rsa-pss"',
  'proxy=("@status" "content-digest";req "dict";bs);alg="ed25519";expires=1618884773;nonce="b3k2pp5k7z-50gnwp.yemd"'
]
const requestedSignatures = ['sig1=("@method" "cache-control");keyid="test-key-rsa-pss";created;tag="app-123"']
const waits = ["120", "0", "7.5", "1767225600", ...dates, ...limits]
const limitFields = ["ratelimit", "ratelimit-policy", "x-ratelimit-reset", "date"]

/** Secrets of each length that is searched for, as a server may choose them. */
const replace = Redact.withoutSecrets(
  [8, 9, 12, 16, 40, 80, 200, 4000].flatMap((length) => ["a".repeat(length), `ab${"a".repeat(length)}`])
)

/** The longest text in an error comes from a header, which has at most 16 KiB. */
const hide = (text: string): string => replace(text, 16 * 1024)

const one = StructuredField.integer(1)

const reserialize = (text: string): unknown => {
  const list = StructuredField.parseList(text)
  return list._tag === "Ok" ? StructuredField.serializeList(list.value) : undefined
}

/** A parser's counterpart: serializes a text as the value or the key of an Item. */
const serializing = (name: string, make: (text: string) => StructuredField.Item): Parser =>
  parser(`StructuredField.serializeItem of a ${name}`, (text) => StructuredField.serializeItem(make(text)), [
    "a",
    "\\",
    '"',
    "\u{1f600}"
  ])

/** A base with a text in one of the places that may have one. */
const inBase = (
  name: string,
  component: MessageSignature.Component | string,
  change: (text: string) => Partial<MessageSignature.Request>
): Parser =>
  parser(
    `MessageSignature.base of ${name}`,
    (text) => {
      const message = { method: "GET", url: "https://api.example.com/", headers: {}, ...change(text) }
      return MessageSignature.base(message, MessageSignature.make([component]), { dict: "dictionary" })
    },
    [...structured, ...digests, "a=1&b=%20&b=+", "a\r\n b"]
  )

const dict = (params: MessageSignature.ComponentParameters) => MessageSignature.component("dict", params)

const baseOfInput = (text: string): unknown => {
  const inputs = MessageSignature.parseInput(text)
  if (inputs._tag === "Err") return inputs
  const message = { method: "GET", url: "https://api.example.com/?Pet=dog", headers: { dict: "a=1" } }
  return Array.from(inputs.value.values(), (input) => MessageSignature.base(message, input))
}

const fulfil = (text: string): unknown => {
  const requested = AcceptSignature.parse(text)
  if (requested._tag === "Err") return requested
  return Array.from(requested.value.values(), (one) => AcceptSignature.fulfil(one, { created: 1 }))
}

const inField = (name: string): Parser =>
  parser(`RetryAfter.parse of ${name}`, (text) => RetryAfter.parse({ date: dates[0], [name]: text }, now), waits)

const decide = (name: string, exchange: (text: string) => Redirect.RedirectInput): Parser =>
  parser(`Redirect.decide on its ${name}`, (text) => Redirect.decide(exchange(text)), [...urls, "POST", "GET"])

const hop = { method: "POST", url: "https://api.example.com/v1", status: 307, location: "/", hops: 0, limit: 5 }

const signAws = (value: string) =>
  AwsSignature.canonicalRequest({
    ...{ method: "GET", path: "/", query: "", payloadHash: AwsSignature.unsignedPayload, pathRule: "s3" },
    headers: [["x-amz-meta-a", value]]
  })

const presignAws = (query: string): string =>
  AwsSignature.presignedQuery(query, {
    ...{ accessKeyId: "AKID", scope: "20150830/r/s3/aws4_request", time: "20150830T123600Z" },
    ...{ signedHeaders: "host", expiresIn: 60 }
  })

/** Parsers by module. A test compares the names with the folder, so that no module is missing. */
export const corpus: Readonly<Record<string, ReadonlyArray<Parser>>> = {
  AcceptSignature: [
    parser("AcceptSignature.parse", AcceptSignature.parse, requestedSignatures),
    parser("AcceptSignature.fulfil", fulfil, requestedSignatures)
  ],
  AwsSignature: [
    parser("AwsSignature.canonicalQuery", AwsSignature.canonicalQuery, ["b=2&a=%31&a=x+y&acl", "%zz=%", "q=\u{1f600}"]),
    parser("AwsSignature.canonicalPath", (text) => AwsSignature.canonicalPath(text, "general"), urls),
    parser("AwsSignature.canonicalPath for S3", (text) => AwsSignature.canonicalPath(text, "s3"), urls),
    parser("AwsSignature.signedHeaders", (text) => AwsSignature.signedHeaders([["x-amz-a", text]]), [" a  b\t"]),
    parser("AwsSignature.canonicalRequest", signAws, ["two \t words\r\n", "x"]),
    parser("AwsSignature.presignedQuery", presignAws, ["a=1&X-Amz-Date=2", "X-Amz-Signature=00"]),
    parser("AwsSignature.endpointOf", AwsSignature.endpointOf, [
      "bucket.s3.dualstack.us-gov-west-1.amazonaws.com",
      "s3.us-west-004.backblazeb2.com",
      "bucket.s3-us-west-2.amazonaws.com"
    ]),
    parser("AwsSignature.rejectionOf", AwsSignature.rejectionOf, [
      "<Code>RequestTimeTooSkewed</Code><ServerTime>2015-08-30T12:36:00Z</ServerTime>",
      "Signature expired: now (20150830T123600Z - 5 min.)",
      "ExpiredTokenException"
    ])
  ],
  BaseUrl: [
    parser("BaseUrl.validate", BaseUrl.validate, urls),
    parser("BaseUrl.join of a path", (text) => BaseUrl.join("https://api.example.com/v1", text), urls),
    parser("BaseUrl.join of a base", (text) => BaseUrl.join(text, "/users"), urls)
  ],
  Basic: [parser("Basic.encode", (text) => Basic.encode(text, text), ["user", "pässword", "a:b", "\u{1f600}"])],
  CacheControl: [
    parser("CacheControl.parse", CacheControl.parse, cacheDirectives),
    parser(
      "CacheControl.seconds",
      (text) => CacheControl.seconds(CacheControl.parse(text), "max-age"),
      cacheDirectives
    ),
    parser("CacheControl.age", CacheControl.age, ["60", "0, 7200"])
  ],
  Challenge: [
    parser("Challenge.parse", Challenge.parse, challenges),
    parser("Challenge.parse of lines", (text) => Challenge.parse(text.split("\n")), challenges)
  ],
  Content: [parser("Content.isPossible", (text) => Content.isPossible(text, 200), ["GET", "HEAD", "CONNECT"])],
  ContentDigest: [
    parser("ContentDigest.parse", ContentDigest.parse, digests),
    parser("ContentDigest.parsePreferences", ContentDigest.parsePreferences, ["sha-512=3, sha-256=10, unixsum=0"])
  ],
  ContentRange: [parser("ContentRange.parse", ContentRange.parse, ["bytes 500-999/1234", "bytes 0-0/*", "bytes */9"])],
  DigestChallenge: [
    parser("DigestChallenge.fromChallenge", readDigests, challenges),
    parser("DigestChallenge.parseInfo", DigestChallenge.parseInfo, ['nextnonce="n", rspauth="0a", qop=auth'])
  ],
  DigestCredentials: [
    parser("DigestCredentials.format", formatDigest, ["J\u00e4s\u00f8n Doe", 'a "b" \\c']),
    parser("DigestCredentials.toByteString", DigestCredentials.toByteString, ["J\u00e4s\u00f8n Doe"])
  ],
  HttpDate: [parser("HttpDate.parse", (text) => HttpDate.parse(text, now), dates)],
  Link: [
    parser("Link.parse", Link.parse, links),
    parser("Link.find", (text) => Link.find(Link.parse(text), "next"), links),
    parser("Link.resolve", (text) => Link.resolve(text, "https://api.example.com/issues?page=1"), urls)
  ],
  MessageSignature: [
    parser("MessageSignature.parseInput", MessageSignature.parseInput, signatureInputs),
    parser("MessageSignature.parseSignature", MessageSignature.parseSignature, digests),
    inBase("a field", "dict", (dict) => ({ headers: { dict } })),
    inBase("a field with sf", dict({ sf: true }), (dict) => ({ headers: { dict } })),
    inBase("a field with bs", dict({ bs: true }), (dict) => ({ headers: { dict } })),
    inBase("a trailer with key", dict({ key: "a", tr: true }), (dict) => ({ trailers: { dict: [dict, dict] } })),
    inBase("a query", "@query", (text) => ({ url: `https://api.example.com/?${text}` })),
    inBase("a query parameter", MessageSignature.queryParam("b"), (text) => ({
      url: `https://api.example.com/?${text}`
    })),
    inBase("a method", "@method", (method) => ({ method })),
    parser("MessageSignature.queryParam", MessageSignature.queryParam, ["a", "\u{1f600}", "\ud800"]),
    parser("MessageSignature.base of an input", baseOfInput, signatureInputs)
  ],
  OAuth1: [
    parser("OAuth1.parseForm", OAuth1.parseForm, ["c2&a3=2+q", "a=%C3%BC&b=%zz&&=1"]),
    parser("OAuth1.percentEncode", OAuth1.percentEncode, ["J\u00e4s\u00f8n Doe", "%2B +~"]),
    parser("OAuth1.signingKey", (text) => OAuth1.signingKey(text, text), ["kd94hf93k423kf44"]),
    parser("OAuth1.format", (text) => OAuth1.format([["oauth_token", text]], text), ["J\u00e4s\u00f8n Doe"]),
    parser("OAuth1.baseString", oauthBase, ["c2&a3=2+q", "b5=%3D%253D&a3=a&c%40=&a2=r%20b"])
  ],
  OptionNames: [parser("OptionNames.findUnknown", unknownName, ["baseURL", "timeouts", "maxRetries", "constructor"])],
  Origin: [
    parser("Origin.of", Origin.of, urls),
    parser("Origin.same", (text) => Origin.same(text, "https://api.example.com"), urls)
  ],
  RateLimit: [...limitFields, "x-ratelimit-limit", "x-ratelimit-remaining"].map((name) =>
    parser(`RateLimit.parse of ${name}`, (text) => RateLimit.parse({ date: dates[0], [name]: text }, now), limits)
  ),
  Redact: [
    parser("Redact.url", (text) => Redact.url(text), urls),
    parser("Redact.text", (text) => Redact.text(text), [...challenges, "<html>\u001b[31mno\u202e"]),
    parser("Redact.withoutSecrets", hide, ["Bearer abcdefgh", "%61bcdefgh", "\\u0061bcdefgh", ...challenges, ...urls]),
    parser("Redact.isSensitiveHeader", Redact.isSensitiveHeader, ["Authorization", "X-Api-Key", "Accept"]),
    parser("Redact.headerValue", (text) => Redact.headerValue("location", text), urls)
  ],
  Redirect: [
    decide("location", (location) => ({ ...hop, location })),
    decide("URL", (url) => ({ ...hop, url })),
    decide("method", (method) => ({ ...hop, method, status: 302 })),
    parser("Redirect.isSafeCrossOriginHeader", Redirect.isSafeCrossOriginHeader, [
      "Accept-Language",
      "If-Match",
      "Cookie"
    ])
  ],
  ReprDigest: [
    parser("ReprDigest.parse", ReprDigest.parse, digests),
    parser("ReprDigest.parseContentMd5", ReprDigest.parseContentMd5, ["1B2M2Y8AsgTpgAmY7PhCfg=="])
  ],
  RequestTarget: [parser("RequestTarget.isNormalized", (text) => RequestTarget.isNormalized(text), urls)],
  // Only two constructors, which parse nothing.
  Result: [],
  RetryAfter: ["retry-after", "retry-after-ms", ...limitFields].map(inField),
  StructuredField: [
    parser("StructuredField.parseItem", StructuredField.parseItem, structured),
    parser("StructuredField.parseList", StructuredField.parseList, structured),
    parser("StructuredField.parseDictionary", StructuredField.parseDictionary, structured),
    parser("StructuredField.serializeList", reserialize, structured),
    serializing("String", (text) => StructuredField.item(StructuredField.string(text))),
    serializing("Token", (text) => StructuredField.item(StructuredField.token(text))),
    serializing("Display String", (text) => StructuredField.item(StructuredField.displayString(text))),
    serializing("key", (text) => StructuredField.item(one, new Map([[text, one]])))
  ],
  Vary: [
    parser("Vary.parse", Vary.parse, ["Accept-Encoding, Accept-Language", "*"]),
    parser("Vary.normalize", Vary.normalize, ["en, de;q=0.5"])
  ]
}
