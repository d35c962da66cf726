import * as AwsSignature from "@countersign/protocol/AwsSignature"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { createHash, createHmac } from "node:crypto"
import * as hostile from "./hostile.js"

const query = (text: string) => [AwsSignature.canonicalQuery(text), AwsSignature.sentQuery(text)]

describe("AwsSignature.canonicalQuery and sentQuery", () => {
  it.each([
    ["", "", ""],
    ["acl", "acl=", "acl"],
    ["b=2&a=1", "a=1&b=2", "b=2&a=1"],
    ["a=2&a=1&A=3", "A=3&a=1&a=2", "a=2&a=1&A=3"],
    ["a-b=1&a=2", "a=2&a-b=1", "a-b=1&a=2"],
    ["a=b=c", "a=b%3Dc", "a=b%3Dc"],
    ["a=x+y%2B", "a=x%20y%2B", "a=x%20y%2B"],
    ["a=%7e%e4%bd%a0&&b", "a=~%E4%BD%A0&b=", "a=~%E4%BD%A0&b"],
    ["q='(!*)'", "q=%27%28%21%2A%29%27", "q=%27%28%21%2A%29%27"],
    ["q=100%&p=%zz", "p=%25zz&q=100%25", "q=100%25&p=%25zz"],
    ["q=ü\ud800", "q=%C3%BC%EF%BF%BD", "q=%C3%BC%EF%BF%BD"]
  ])("encodes %j", (text, canonical, sent) => {
    expect(query(text)).toEqual([canonical, sent])
  })

  it("have one form: the query that is sent has the same canonical query", () => {
    FastCheck.assert(
      FastCheck.property(hostile.text("a=1&b=2", "%41=%2f", "+", "&&", "=="), (text) => {
        const sent = AwsSignature.sentQuery(text)
        expect(sent).toMatch(/^[\w.~%&=-]*$/)
        expect(AwsSignature.sentQuery(sent)).toBe(sent)
        expect(AwsSignature.canonicalQuery(sent)).toBe(AwsSignature.canonicalQuery(text))
      }),
      hostile.runs
    )
  })
})

describe("AwsSignature.canonicalPath", () => {
  it.each([
    ["/", "/", "/"],
    ["", "/", "/"],
    ["/a/./b/../c//d/", "/a/c/d/", "/a/./b/../c//d/"],
    ["/..//", "/", "/..//"],
    ["/a%20b", "/a%2520b", "/a%20b"],
    ["/a(1)'+.txt", "/a%281%29%27%2B.txt", "/a%281%29%27%2B.txt"],
    ["/%e4%7E%2F", "/%25e4%257E%252F", "/%E4~%2F"],
    ["/ü", "/%C3%BC", "/%C3%BC"]
  ])("encodes %j by the general rule and by that of S3", (path, general, s3) => {
    expect(AwsSignature.canonicalPath(path, "general")).toBe(general)
    expect(AwsSignature.canonicalPath(path, "s3")).toBe(s3)
    expect(AwsSignature.canonicalPath(AwsSignature.sentPath(path, "s3"), "s3")).toBe(s3)
    expect(AwsSignature.sentPath(path, "general")).toBe(path)
  })
})

describe("AwsSignature.canonicalRequest", () => {
  it("sorts, trims, folds and joins fields", () => {
    const { signedHeaders, text } = AwsSignature.canonicalRequest({
      ...{ method: "POST", path: "/", query: "", payloadHash: "hash", pathRule: "general" },
      headers: [
        ["X-Amz-Meta-B", "  two \t  words\r\n and  a line "],
        ["Host", "example.amazonaws.com"],
        ["x-amz-meta-a", "2"],
        ["X-AMZ-META-A", " 1 "],
        ["x-amz-meta-c", ""]
      ]
    })
    expect(signedHeaders).toBe("host;x-amz-meta-a;x-amz-meta-b;x-amz-meta-c")
    expect(text.split("\n")).toEqual([
      "POST",
      "/",
      "",
      "host:example.amazonaws.com",
      "x-amz-meta-a:2,1",
      "x-amz-meta-b:two words and a line",
      "x-amz-meta-c:",
      "",
      signedHeaders,
      "hash"
    ])
  })

  it("makes the string to sign and the field of the example of AWS", () => {
    const time = AwsSignature.formatTime(Date.UTC(2015, 7, 30, 12, 36, 0, 999))
    const scope = AwsSignature.scope(time, { region: "us-east-1", service: "iam" })
    expect(AwsSignature.stringToSign(time, scope, "abc")).toBe(
      "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\nabc"
    )
    expect(
      AwsSignature.authorization({ accessKeyId: "AKIDEXAMPLE", scope, signedHeaders: "host", signature: "00" })
    ).toBe(`AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=host, Signature=00`)
  })

  it("limits times to the years that the format has", () => {
    expect(AwsSignature.formatTime(-1)).toBe("19700101T000000Z")
    expect(AwsSignature.formatTime(Number.POSITIVE_INFINITY)).toBe("99991231T235959Z")
  })
})

describe("AwsSignature.chunkStringToSign", () => {
  const sha256 = (data: string) => createHash("sha256").update(data).digest("hex")
  const hmac = (key: string | Uint8Array, data: string) => createHmac("sha256", key).update(data).digest()

  it("signs the request and the chunks of the example of AWS", () => {
    const time = "20130524T000000Z"
    const endpoint = { region: "us-east-1", service: "s3" }
    const scope = AwsSignature.scope(time, endpoint)
    const secret = "AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    const key = AwsSignature.scopeParts(time, endpoint).reduce<string | Uint8Array>(hmac, secret)
    const sign = (text: string) => Buffer.from(hmac(key, text)).toString("hex")
    const length = AwsSignature.chunkedLength(66_560, 65_536)
    const { signedHeaders, text } = AwsSignature.canonicalRequest({
      ...{ method: "PUT", path: "/examplebucket/chunkObject.txt", query: "", pathRule: "s3" },
      payloadHash: AwsSignature.chunkedPayload,
      headers: Object.entries({
        host: "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "content-length": String(length),
        "x-amz-content-sha256": AwsSignature.chunkedPayload,
        "x-amz-date": time,
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY"
      })
    })
    expect(signedHeaders).toBe(
      "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class"
    )
    const signatures = [sign(AwsSignature.stringToSign(time, scope, sha256(text)))]
    for (const size of [65_536, 1024, 0]) {
      const previous = signatures.at(-1) ?? ""
      const hash = sha256("a".repeat(size))
      signatures.push(sign(AwsSignature.chunkStringToSign({ time, scope, previous, hash })))
    }
    expect(signatures).toEqual([
      "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
      "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
      "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
      "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
    ])
    expect(length).toBe(66_824)
  })

  it("counts the bytes of all chunks", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.nat(100_000), FastCheck.integer({ min: 1, max: 70_000 }), (length, chunkSize) => {
        let sum = 0
        for (let left = length; ; left -= Math.min(left, chunkSize)) {
          const size = Math.min(left, chunkSize)
          sum += AwsSignature.chunkHeader(size, "0".repeat(64)).length + size + 2
          if (size === 0) break
        }
        expect(AwsSignature.chunkedLength(length, chunkSize)).toBe(sum)
      }),
      { numRuns: 50 }
    )
  })
})

describe("AwsSignature.presignedQuery", () => {
  it("replaces parameters of an earlier signature, and encodes all values", () => {
    const values = {
      ...{ accessKeyId: "AKID", scope: "20150830/r/s3/aws4_request", time: "20150830T123600Z" },
      ...{ signedHeaders: "host;range", expiresIn: 60, sessionToken: "a+/=" }
    }
    const first = AwsSignature.presignedQuery("versionId=1+2", values)
    expect(first).toBe(
      "versionId=1%202&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2Fr%2Fs3%2Faws4_request" +
        "&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-Security-Token=a%2B%2F%3D&X-Amz-SignedHeaders=host%3Brange"
    )
    expect(AwsSignature.presignedQuery(`${first}&X-Amz-Signature=00`, values)).toBe(first)
  })
})

describe("AwsSignature.endpointOf", () => {
  it.each([
    ["iam.amazonaws.com", "us-east-1", "iam"],
    ["sts.eu-central-1.amazonaws.com", "eu-central-1", "sts"],
    ["s3.amazonaws.com", "us-east-1", "s3"],
    ["bucket.s3.eu-west-1.amazonaws.com", "eu-west-1", "s3"],
    ["a.dotted.bucket.s3.amazonaws.com", "us-east-1", "s3"],
    ["bucket.s3.dualstack.us-gov-west-1.amazonaws.com", "us-gov-west-1", "s3"],
    ["bucket.s3-us-west-2.amazonaws.com", "us-west-2", "s3"],
    ["bucket.s3-accelerate.amazonaws.com", undefined, "s3"],
    ["s3.cn-north-1.amazonaws.com.cn", "cn-north-1", "s3"],
    ["id.execute-api.ap-southeast-2.amazonaws.com", "ap-southeast-2", "execute-api"],
    ["id.lambda-url.eu-central-1.on.aws", "eu-central-1", "lambda"],
    ["search-logs-abc.us-east-1.es.amazonaws.com", "us-east-1", "es"],
    ["dynamodb-fips.us-east-1.amazonaws.com", "us-east-1", "dynamodb"],
    ["email.us-east-1.amazonaws.com", "us-east-1", "ses"],
    ["bedrock-runtime.us-west-2.amazonaws.com", "us-west-2", "bedrock"],
    ["ec2.us-east-2.api.aws", "us-east-2", "ec2"],
    ["id.r2.cloudflarestorage.com", "auto", "s3"],
    ["s3.us-west-004.backblazeb2.com", "us-west-004", "s3"],
    ["f000.backblazeb2.com", undefined, undefined],
    ["api.example.com", undefined, undefined],
    ["amazonaws.com", undefined, undefined],
    ["evil-amazonaws.com", undefined, undefined]
  ])("reads %s", (host, region, service) => {
    const endpoint = AwsSignature.endpointOf(host)
    expect([endpoint.region, endpoint.service]).toEqual([region, service])
  })
})

describe("AwsSignature.rejectionOf", () => {
  it("reads the time of the server from the errors of S3 and of other services", () => {
    expect(
      AwsSignature.rejectionOf(
        "<Error><Code>RequestTimeTooSkewed</Code><ServerTime>2015-08-30T12:36:00Z</ServerTime></Error>"
      )
    ).toEqual({ _tag: "Time", serverTime: Date.UTC(2015, 7, 30, 12, 36) })
    expect(
      AwsSignature.rejectionOf(
        '{"__type":"InvalidSignatureException","message":"Signature expired: 20150830T120000Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)"}'
      )
    ).toEqual({ _tag: "Time", serverTime: Date.UTC(2015, 7, 30, 12, 36) })
  })

  it.each([
    ["RequestExpired", { _tag: "Time", serverTime: undefined }],
    ["Signature not yet current: (99999999T999999Z + 5 min.)", { _tag: "Time", serverTime: undefined }],
    ["<Code>ExpiredToken</Code>", { _tag: "Credentials" }],
    ['{"__type":"com.amazon.coral.service#ExpiredTokenException"}', { _tag: "Credentials" }],
    ["<Code>AccessDenied</Code>", undefined],
    ["NotExpiredToken", undefined]
  ])("reads %j", (text, rejection) => {
    expect(AwsSignature.rejectionOf(text)).toEqual(rejection)
  })
})
