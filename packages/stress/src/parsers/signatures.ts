/** Parsers of signed messages: RFC 9421, AWS and OAuth 1.0. */
import * as AcceptSignature from "@countersign/protocol/AcceptSignature"
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import * as MessageSignature from "@countersign/protocol/MessageSignature"
import * as OAuth1 from "@countersign/protocol/OAuth1"
import type { Parser } from "./parser.js"
import { parser } from "./parser.js"
import { digests, structured, urls } from "./seeds.js"

const signatureInputs = [
  'sig1=("@method" "@query-param";name="Pet" "dict";key="a");created=1618884473;keyid="test-key-rsa-pss"',
  'proxy=("@status" "content-digest";req "dict";bs);alg="ed25519";expires=1618884773;nonce="b3k2pp5k7z-50gnwp.yemd"'
]
const requestedSignatures = ['sig1=("@method" "cache-control");keyid="test-key-rsa-pss";created;tag="app-123"']

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

/** Each text that OAuth 1.0 signs. */
const oauthField: ReadonlyArray<OAuth1.Parameter> = [["oauth_nonce", "n"]]

const oauthBase = (text: string): string => {
  const url = new URL("https://api.example.com/?a=1")
  return OAuth1.baseString({ method: "POST", url, oauth: oauthField, form: OAuth1.parseForm(text) })
}

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

/** Parsers by module. */
export const signatures: Readonly<Record<string, ReadonlyArray<Parser>>> = {
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
  ]
}
