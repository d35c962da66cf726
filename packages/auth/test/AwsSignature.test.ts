import type * as AwsCredentials from "@countersign/auth/AwsCredentials"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import * as ApiClient from "@countersign/client/ApiClient"
import * as RequestBody from "@countersign/client/RequestBody"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { createHash } from "node:crypto"
import { allRenderings } from "./support/allRenderings.js"
import * as Oracle from "./support/awsOracle.js"
import { clientOf, ok } from "./support/client.js"

const credentials: AwsCredentials.Credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: Redacted.make("canary/wJalrXUtnFEMI+K7MDENG")
}
const temporary: AwsCredentials.Credentials = {
  ...credentials,
  sessionToken: Redacted.make("canary+session/token==")
}
const start = Date.UTC(2015, 7, 30, 12, 36)
const options: AwsSignature.Options = { credentials, region: "us-east-1", service: "execute-api" }

const setUp = <E = never>(scheme: AwsSignature.Options<E>, script: MockClient.Script = () => ok) =>
  Effect.zipRight(TestClock.setTime(start), clientOf(AwsSignature.make(scheme), script))

const scopeOf = ({ region = "", service = "" }: AwsSignature.Options, at = start) => ({ region, service, at })

/** Expects the signature of both oracles. */
const expectOracles = async (sent: MockClient.Sent, scheme: AwsSignature.Options, at = start) => {
  const credentials = scheme.credentials as AwsCredentials.Credentials
  const own = sent.headers["authorization"]
  expect(await Oracle.smithy(sent, credentials, scopeOf(scheme, at))).toBe(own)
  if (!Oracle.signsQuery(sent.url, scheme.service ?? "")) return
  expect(await Oracle.aws4fetch(sent, credentials, scopeOf(scheme, at))).toBe(own)
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const skewError = MockClient.respond(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>")
const dated = (status: number, at: number, body = "no", headers: Record<string, string> = {}) =>
  MockClient.respond(status, body, { date: HttpDate.format(at), ...headers })

describe("AwsSignature.make", () => {
  it.effect.each([
    ["an access key", options],
    ["temporary credentials", { ...options, credentials: temporary }],
    ["S3", { ...options, credentials: temporary, service: "s3" }],
    ["S3 without the body", { ...options, service: "s3", payload: "unsigned" }]
  ] satisfies ReadonlyArray<readonly [string, AwsSignature.Options]>)(
    "signs with %s as the AWS SDK and aws4fetch do",
    ([, scheme]) =>
      Effect.gen(function* () {
        const { api, mock } = yield* setUp(scheme)
        yield* api.get(`/ä b/c(1)'!*?b=2&${scheme.service === "s3" ? "" : "a=0&"}a=1&flag&q='x y'`, {
          query: { y: "2 3", z: "~!" }
        })
        yield* api.post("/", { json: { text: "ü" }, headers: { "X-Amz-Meta-A": "  a  b ", accept: "text/plain" } })
        yield* api.put("/a", { body: HttpBody.raw("raw", { contentType: "text/plain" }) })
        const sent = yield* mock.sent
        expect(sent).toHaveLength(3)
        for (const one of sent) yield* Effect.promise(() => expectOracles(one, scheme))
        expect(sent[1]?.headers["authorization"]).toContain("SignedHeaders=content-type;host;x-amz-content-sha256;")
        expect(sent[0]?.headers["x-amz-content-sha256"]).toBe("payload" in scheme ? "UNSIGNED-PAYLOAD" : sha256(""))
      })
  )

  it("signs any request as the AWS SDK and aws4fetch do", async () => {
    const word = FastCheck.string({
      unit: FastCheck.constantFrom(..."aZ9 -._~!'()*@:$,;=&%+äß€\u{1f600}/"),
      maxLength: 8
    })
    const request = FastCheck.record({
      path: FastCheck.array(word, { maxLength: 4 }),
      query: FastCheck.array(FastCheck.tuple(word, word), { maxLength: 4 }),
      meta: FastCheck.string({ unit: FastCheck.constantFrom(..."ab \t,;="), maxLength: 9 }),
      service: FastCheck.constantFrom("s3", "execute-api"),
      credentials: FastCheck.constantFrom(credentials, temporary),
      body: FastCheck.string({ unit: "grapheme" }),
      at: FastCheck.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1000)
    })
    await FastCheck.assert(
      FastCheck.asyncProperty(request, async ({ at, body, meta, path, query, ...rest }) => {
        // The oracles read an encoded slash in different ways.
        const segments = path.map((one) => encodeURIComponent(one.replaceAll("/", "")))
        const scheme = { ...options, ...rest }
        const sent = await Effect.runPromise(
          Effect.gen(function* () {
            yield* TestClock.setTime(at)
            const { api, mock } = yield* clientOf(AwsSignature.make(scheme), () => ok)
            yield* api.post(`/${segments.filter((one) => !/^\.*$/.test(one)).join("/")}`, {
              query,
              headers: { "x-amz-meta-a": meta },
              body: HttpBody.text(body)
            })
            return yield* mock.sent
          }).pipe(Effect.provide(TestContext.TestContext))
        )
        for (const one of sent) await expectOracles(one, scheme, at)
      }),
      { numRuns: 300 }
    )
  })

  it.effect("sends the query and the paths of S3 in the encoding that is signed", () =>
    Effect.gen(function* () {
      const s3 = yield* setUp({ ...options, service: "s3" })
      yield* s3.api.get("/a//b+c(1)%7e?acl&x=1+2&y='#top")
      expect((yield* s3.mock.sent)[0]?.url).toBe("https://api.test/a//b%2Bc%281%29~?acl&x=1%202&y=%27")
      const general = yield* setUp(options)
      yield* general.api.get("/b+c(1)?x=1+2")
      expect((yield* general.mock.sent)[0]?.url).toBe("https://api.test/b+c(1)?x=1%202")
    })
  )

  it.effect("reads region and service from the host name, and fails if it shows none", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp({ credentials })
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
      expect(error.message).toContain("`api.test` shows no region. Set `region`.")
      const { client, mock: aws } = yield* MockClient.make(() => ok)
      const auth = AwsSignature.make({ credentials })
      const made = ApiClient.make({ baseUrl: "https://id.execute-api.eu-central-1.amazonaws.com", auth })
      yield* Effect.flatMap(Effect.provideService(made, HttpClient.HttpClient, client), (one) => one.get("/"))
      expect((yield* aws.sent)[0]?.headers["authorization"]).toContain(
        "/20150830/eu-central-1/execute-api/aws4_request"
      )
      expect(yield* mock.sent).toHaveLength(0)
    })
  )

  it.effect("signs each attempt with its own time", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options, [MockClient.respond(503, "busy", { "retry-after": "5" }), ok])
      const call = yield* Effect.fork(api.get("/"))
      yield* TestClock.adjust("10 seconds")
      yield* call
      const sent = yield* mock.sent
      expect(sent.map(({ headers }) => headers["x-amz-date"])).toEqual(["20150830T123600Z", "20150830T123605Z"])
      yield* Effect.promise(() => expectOracles(sent[1] ?? expect.fail(), options, start + 5_000))
    })
  )

  it.effect("derives another key for the next day", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options)
      yield* api.get("/")
      yield* TestClock.adjust("1 day")
      yield* api.get("/")
      const [, second] = yield* mock.sent
      yield* Effect.promise(() => expectOracles(second ?? expect.fail(), options, start + 86_400_000))
    })
  )

  it.effect("signs a replayable stream, which it reads twice", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options)
      let runs = 0
      const stream = Stream.suspend(() => {
        runs++
        return Stream.make(new TextEncoder().encode("one "), new TextEncoder().encode("two"))
      })
      yield* api.put("/", { body: RequestBody.markReplayable(HttpBody.stream(stream)) })
      expect((yield* mock.sent)[0]?.headers["x-amz-content-sha256"]).toBe(sha256("one two"))
      expect(runs).toBeGreaterThanOrEqual(1)
    })
  )

  it.effect("sends a stream and a form unsigned, if `payload` is `unsigned`", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp({ ...options, service: "s3", payload: "unsigned" })
      yield* api.put("/", { body: HttpBody.stream(Stream.make(new Uint8Array([1]))) })
      yield* api.post("/", { body: HttpBody.formData(new FormData()) })
      for (const { headers } of yield* mock.sent) expect(headers["x-amz-content-sha256"]).toBe("UNSIGNED-PAYLOAD")
    })
  )

  it.effect("signs the payload hash that the request has", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp({ ...options, service: "s3" })
      const body = HttpBody.stream(Stream.make(new Uint8Array([1])))
      yield* api.put("/", { body, headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } })
      const [sent] = yield* mock.sent
      yield* Effect.promise(() => expectOracles(sent ?? expect.fail(), { ...options, service: "s3" }))
    })
  )

  it.effect.each<readonly [string, HttpBody.HttpBody]>([
    ["a stream", HttpBody.stream(Stream.make(new Uint8Array([1])))],
    ["a form", HttpBody.formData(new FormData())],
    ["a broken stream", RequestBody.markReplayable(HttpBody.stream(Stream.fail("no")))]
  ])("fails with InvalidRequest for %s", ([, body]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options)
      expect(yield* Effect.flip(api.put("/", { body }))).toMatchObject({ _tag: "InvalidRequest", reason: "Body" })
      expect(yield* mock.sent).toHaveLength(0)
    })
  )

  it.effect("ends the hash of an endless stream at the deadline of the call", () =>
    Effect.gen(function* () {
      const { api } = yield* setUp(options)
      const body = RequestBody.markReplayable(HttpBody.stream(Stream.never))
      const call = yield* Effect.fork(Effect.flip(api.put("/", { body, timeout: { call: "2 seconds" } })))
      yield* TestClock.adjust("3 seconds")
      expect(["InvalidRequest", "Timeout"]).toContain((yield* call)._tag)
    })
  )

  it.effect.each<readonly [string, Partial<AwsCredentials.Credentials>]>([
    ["accessKeyId", { accessKeyId: "" }],
    ["accessKeyId", { accessKeyId: "canary/x" }],
    ["secretAccessKey", { secretAccessKey: Redacted.make(" ") }],
    ["sessionToken", { sessionToken: Redacted.make("canary\r\nx: y") }]
  ])("fails with InvalidRequest for a wrong %s, and shows no secret", ([name, part]) =>
    Effect.gen(function* () {
      const { api } = yield* setUp({ ...options, credentials: { ...credentials, ...part } })
      const error = yield* Effect.flip(api.get("/"))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Credentials" })
      expect(error.message).toContain(`\`${name}\``)
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.effect("shows no secret in errors, even if the server echoes the request", () =>
    Effect.gen(function* () {
      const { api } = yield* setUp({ ...options, credentials: temporary }, (request) =>
        MockClient.respond(403, JSON.stringify(request.headers))
      )
      const error = yield* Effect.flip(api.get("/"))
      expect(error._tag).toBe("Forbidden")
      expect(allRenderings(error)).not.toContain("canary")
    })
  )
})

describe("AwsSignature.make with a wrong clock", () => {
  const late = start + 3_600_000
  const times = (sent: ReadonlyArray<MockClient.Sent>) => sent.map(({ headers }) => headers["x-amz-date"])

  it.effect.each([400, 401, 403])("signs once more with the `Date` of a %i, and later requests at once", (status) =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options, [dated(status, late), ok, ok])
      yield* api.get("/")
      yield* api.get("/")
      expect(times(yield* mock.sent)).toEqual(["20150830T123600Z", "20150830T133600Z", "20150830T133600Z"])
    })
  )

  it.effect("sends a request at most twice", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options, (_, index) => dated(403, late + index * 3_600_000))
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Forbidden")
      expect(yield* mock.sent).toHaveLength(2)
    })
  )

  it.effect.each<readonly [string, MockClient.Step]>([
    ["with a near `Date`", dated(403, start + 3 * 60_000)],
    ["without a `Date`", MockClient.respond(403, "no")],
    ["with a `Date` that cannot be parsed", MockClient.respond(403, "no", { date: "tomorrow" })],
    ["of a cache", dated(403, late, "no", { age: "3600" })],
    ["with a near `Date` and a time error", dated(403, start, "<Code>RequestTimeTooSkewed</Code>")]
  ])("does not sign again after a 403 %s", ([, step]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options, () => step)
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Forbidden")
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("does not take the time of a response that accepts the signature", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options, () => dated(200, late, "{}"))
      yield* api.get("/")
      yield* api.get("/")
      expect(times(yield* mock.sent)).toEqual(["20150830T123600Z", "20150830T123600Z"])
    })
  )

  it.effect.each([
    ["<Code>RequestTimeTooSkewed</Code><ServerTime>2015-08-30T12:38:00Z</ServerTime>", "20150830T123800Z"],
    [
      "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T124200Z - 5 min.)",
      "20150830T124200Z"
    ]
  ])("signs once more with the time in the body %j", ([body, time]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options, [MockClient.respond(400, body), ok])
      yield* api.get("/")
      expect(times(yield* mock.sent)).toEqual(["20150830T123600Z", time])
    })
  )

  it.effect("takes a near `Date` if the body has a time error", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options, [dated(403, start + 120_000, "RequestTimeTooSkewed"), ok])
      yield* api.get("/")
      expect(times(yield* mock.sent)).toEqual(["20150830T123600Z", "20150830T123800Z"])
    })
  )

  it.effect("does not sign again after a time error without a time", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options, () => skewError)
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Forbidden")
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("signs concurrent requests once more each", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp(options, ({ headers }) =>
        headers["x-amz-date"] === "20150830T133600Z" ? ok : dated(403, late)
      )
      yield* Effect.all(
        Array.from({ length: 100 }, () => api.get("/")),
        { concurrency: "unbounded" }
      )
      expect((yield* mock.sent).length).toBeLessThanOrEqual(200)
    })
  )
})

describe("AwsSignature.make with a source", () => {
  it.effect("gets other credentials after an error that the token has expired, once", () =>
    Effect.gen(function* () {
      const rejected: Array<string> = []
      let accessKeyId = "ASIAFIRST"
      const source: AwsCredentials.Source = {
        get: Effect.sync(() => ({ ...temporary, accessKeyId })),
        onRejected: (id) =>
          Effect.sync(() => {
            rejected.push(id)
            accessKeyId = "ASIASECOND"
            return true
          })
      }
      const { api, mock } = yield* setUp({ ...options, credentials: source }, [
        MockClient.respond(403, "<Code>ExpiredToken</Code>"),
        ok,
        MockClient.respond(403, "<Code>AccessDenied</Code>")
      ])
      yield* api.get("/")
      expect((yield* Effect.flip(api.get("/")))._tag).toBe("Forbidden")
      expect(rejected).toEqual(["ASIAFIRST"])
      expect(
        (yield* mock.sent).map(({ headers }) => /Credential=(\w+)/.exec(headers["authorization"] ?? "")?.[1])
      ).toEqual(["ASIAFIRST", "ASIASECOND", "ASIASECOND"])
    })
  )

  it.effect("fails with the error of the source", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* setUp({ ...options, credentials: { get: Effect.fail("none" as const) } })
      expect(yield* Effect.flip(api.get("/"))).toBe("none")
      expect(yield* mock.sent).toHaveLength(0)
    })
  )
})

describe("AwsSignature.presign", () => {
  const url = "https://bucket.s3.eu-west-1.amazonaws.com/a b/c(1).txt?versionId=1&z=x+y"

  it.effect.each([
    ["GET", url, credentials],
    ["PUT", url, temporary],
    ["GET", "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15", temporary]
  ] as const)("makes the %s URL of the AWS SDK and of aws4fetch for %s", ([method, url, credentials]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const presigned = new URL(
        Redacted.value(yield* AwsSignature.presign({ credentials, url, method, expiresIn: "10 minutes" }))
      )
      const isS3 = url.includes("s3")
      const scope = { region: isS3 ? "eu-west-1" : "us-east-1", service: isS3 ? "s3" : "sts", at: start }
      const unsigned = { method, url: presigned.origin + presigned.pathname + new URL(url).search, headers: {} }
      for (const oracle of [Oracle.smithyPresigned, Oracle.aws4fetchPresigned]) {
        const expected = yield* Effect.promise(() => oracle(unsigned, credentials, scope, 600))
        expect(Object.fromEntries(presigned.searchParams)).toEqual(Object.fromEntries(expected))
      }
    })
  )

  it.effect("signs fields that the request must have", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const headers = { "Content-Type": "image/png" }
      const presigned = new URL(
        Redacted.value(yield* AwsSignature.presign({ credentials, url, method: "PUT", headers }))
      )
      expect(presigned.searchParams.get("X-Amz-SignedHeaders")).toBe("content-type;host")
      expect(presigned.searchParams.get("X-Amz-Expires")).toBe("900")
      const address = presigned.origin + presigned.pathname + new URL(url).search
      const unsigned = { method: "PUT", url: address, headers: { "content-type": "image/png" } }
      const expected = yield* Effect.promise(() =>
        Oracle.smithyPresigned(unsigned, credentials, { region: "eu-west-1", service: "s3", at: start }, 900)
      )
      expect(presigned.searchParams.get("X-Amz-Signature")).toBe(expected.get("X-Amz-Signature"))
    })
  )

  it.effect.each([
    [{ url: "/relative" }, "Url"],
    [{ url: "https://api.test/" }, "Options"],
    [{ url, expiresIn: "0 seconds" }, "Options"],
    [{ url, expiresIn: "8 days" }, "Options"]
  ] as const)("fails with InvalidRequest for %j", ([part, reason]) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(AwsSignature.presign({ credentials, ...part }))).toMatchObject({
        _tag: "InvalidRequest",
        reason
      })
    })
  )
})
