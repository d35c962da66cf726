/** Every parser of `protocol`, with valid inputs from which invalid ones are made. */
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
import type { Parser } from "./parser.js"
import { parser } from "./parser.js"
import { challenges, dates, digests, structured, urls } from "./seeds.js"
import { signatures } from "./signatures.js"

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

const now = Date.UTC(2026, 10, 22)

const cacheDirectives = ["max-age=60, no-store", 'private="set-cookie, age", Max-Age="60"']
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

const inField = (name: string): Parser =>
  parser(`RetryAfter.parse of ${name}`, (text) => RetryAfter.parse({ date: dates[0], [name]: text }, now), waits)

const decide = (name: string, exchange: (text: string) => Redirect.RedirectInput): Parser =>
  parser(`Redirect.decide on its ${name}`, (text) => Redirect.decide(exchange(text)), [...urls, "POST", "GET"])

const hop = { method: "POST", url: "https://api.example.com/v1", status: 307, location: "/", hops: 0, limit: 5 }

/** Parsers by module. A test compares the names with the folder, so that no module is missing. */
export const corpus: Readonly<Record<string, ReadonlyArray<Parser>>> = {
  ...signatures,
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
