import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { allRenderings } from "./support/allRenderings.js"
import * as Oracle from "./support/awsOracle.js"

const start = Date.UTC(2026, 0, 1)
const hour = 3_600_000

const granted = (accessKeyId: string, expiresAt = start + hour) =>
  MockClient.respond(
    200,
    `<AssumeRoleResponse><AssumeRoleResult><Credentials>
      <AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>canary/${accessKeyId}</SecretAccessKey>
      <SessionToken>canary+${accessKeyId}</SessionToken><Expiration>${new Date(expiresAt).toISOString()}</Expiration>
    </Credentials></AssumeRoleResult></AssumeRoleResponse>`
  )
const refused = (status: number, code: string, message = "") =>
  MockClient.respond(
    status,
    `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`
  )

const credentials: AwsCredentials.Credentials = { accessKeyId: "AKID", secretAccessKey: Redacted.make("canary") }
const roleArn = "arn:aws:iam::123456789012:role/reports"

const setUp = (options: Partial<AwsCredentials.AssumeRoleOptions>, script: MockClient.Script) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    const { client, mock } = yield* MockClient.make(script)
    const made = AwsCredentials.assumeRole({ credentials, roleArn, ...options })
    return { source: yield* Effect.provideService(made, HttpClient.HttpClient, client), mock }
  })

const keysOf = (sent: ReadonlyArray<MockClient.Sent>) =>
  sent.map(({ headers }) => /Credential=(\w+)/.exec(headers["authorization"] ?? "")?.[1])

describe("AwsCredentials.assumeRole", () => {
  it.scoped.each<readonly [Partial<AwsCredentials.AssumeRoleOptions>, string, string]>([
    [{}, "https://sts.amazonaws.com/", "us-east-1"],
    [{ region: "eu-central-1" }, "https://sts.eu-central-1.amazonaws.com/", "eu-central-1"],
    [{ region: "cn-north-1" }, "https://sts.cn-north-1.amazonaws.com.cn/", "cn-north-1"],
    [{ endpoint: "https://storage.test/" }, "https://storage.test/", "us-east-1"]
  ])("sends a request to STS that is signed as the AWS SDK does, with %j", ([options, url, region]) =>
    Effect.gen(function* () {
      const { mock, source } = yield* setUp(
        { ...options, externalId: "x-1", sessionName: "job-1", durationSeconds: 900 },
        () => granted("ASIA0")
      )
      expect(yield* source.get).toEqual({
        accessKeyId: "ASIA0",
        secretAccessKey: Redacted.make("canary/ASIA0"),
        sessionToken: Redacted.make("canary+ASIA0"),
        expiresAt: start + hour
      })
      const [sent] = yield* mock.sent
      if (sent === undefined) return expect.fail()
      expect(sent).toMatchObject({ method: "POST", url })
      expect(Object.fromEntries(new URLSearchParams(sent.body))).toEqual({
        Action: "AssumeRole",
        Version: "2011-06-15",
        RoleArn: roleArn,
        RoleSessionName: "job-1",
        ExternalId: "x-1",
        DurationSeconds: "900"
      })
      const scope = { region, service: "sts", at: start }
      expect(yield* Effect.promise(() => Oracle.smithy(sent, credentials, scope))).toBe(sent.headers["authorization"])
    })
  )

  it.scoped("sends one request for concurrent calls, and one more before the credentials expire", () =>
    Effect.gen(function* () {
      const { mock, source } = yield* setUp({}, (_, index) => granted(`ASIA${index}`, start + (index + 1) * hour))
      yield* Effect.all(
        Array.from({ length: 50 }, () => source.get),
        { concurrency: "unbounded" }
      )
      expect(yield* mock.sent).toHaveLength(1)
      yield* TestClock.adjust("61 minutes")
      expect((yield* source.get).accessKeyId).toBe("ASIA1")
    })
  )

  it.scoped("signs once more with the time of STS, and keeps it", () =>
    Effect.gen(function* () {
      const late =
        "Signature expired: 20260101T000000Z is now earlier than 20260101T005500Z (20260101T010000Z - 5 min.)"
      const { mock, source } = yield* setUp({}, [
        refused(403, "SignatureDoesNotMatch", late),
        granted("ASIA0"),
        granted("ASIA1", start + 3 * hour)
      ])
      yield* source.get
      yield* TestClock.adjust("61 minutes")
      yield* source.get
      expect((yield* mock.sent).map(({ headers }) => headers["x-amz-date"])).toEqual([
        "20260101T000000Z",
        "20260101T010000Z",
        "20260101T020100Z"
      ])
    })
  )

  it.scoped("requests other credentials of a source if STS rejects them as expired, once", () =>
    Effect.gen(function* () {
      let number = 0
      const base: AwsCredentials.Source = {
        get: Effect.sync(() => ({ ...credentials, accessKeyId: `BASE${number}` })),
        onRejected: () => Effect.sync(() => ++number > 0)
      }
      const expired = refused(403, "ExpiredToken")
      const { mock, source } = yield* setUp({ credentials: base }, [expired, granted("ASIA0"), expired, expired])
      yield* source.get
      expect(keysOf(yield* mock.sent)).toEqual(["BASE0", "BASE1"])
      yield* TestClock.adjust("61 minutes")
      expect(yield* Effect.flip(source.get)).toMatchObject({ reason: "Rejected", error: "ExpiredToken" })
      expect(yield* mock.sent).toHaveLength(4)
    })
  )

  it.scoped("assumes a role with the credentials of another role", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const { client, mock } = yield* MockClient.make(({ headers }) =>
        granted(headers["authorization"]?.includes("AKID/") ? "ASIAFIRST" : "ASIASECOND")
      )
      const source = yield* Effect.gen(function* () {
        const first = yield* AwsCredentials.assumeRole({ credentials, roleArn })
        return yield* AwsCredentials.assumeRole({ credentials: first, roleArn: `${roleArn}-2` })
      }).pipe(Effect.provideService(HttpClient.HttpClient, client))
      expect((yield* source.get).accessKeyId).toBe("ASIASECOND")
      expect(keysOf(yield* mock.sent)).toEqual(["AKID", "ASIAFIRST"])
    })
  )

  it.scoped.each<readonly [string, Partial<AwsCredentials.AssumeRoleOptions>, MockClient.Step, Partial<TokenError>]>([
    ["AccessDenied", {}, refused(403, "AccessDenied"), { reason: "Rejected", error: "AccessDenied" }],
    ["a 500", {}, MockClient.respond(500), { reason: "Unavailable" }],
    ["a broken connection", {}, MockClient.fail("ECONNRESET"), { reason: "Unavailable" }],
    ["a response without credentials", {}, MockClient.respond(200, "canary"), { reason: "InvalidResponse" }],
    [
      "an empty secret",
      { credentials: { ...credentials, secretAccessKey: Redacted.make("") } },
      granted("A"),
      { reason: "Rejected" }
    ],
    [
      "a source without credentials",
      { credentials: { get: Effect.fail(new TokenError({ reason: "ReauthorizationRequired", detail: "sign in" })) } },
      granted("A"),
      { reason: "Rejected" }
    ],
    [
      "a source with a broken store",
      { credentials: { get: Effect.fail(new TokenStoreError({ reason: "ReadFailed", detail: "no disk" })) } },
      granted("A"),
      { reason: "Unavailable" }
    ]
  ])("fails with TokenError for %s, and shows no secret", ([, options, step, expected]) =>
    Effect.gen(function* () {
      const { source } = yield* setUp(options, () => step)
      const error = yield* Effect.flip(source.get)
      expect(error).toMatchObject({ _tag: "TokenError", ...expected })
      expect(error.message).toMatch(/^No AWS credentials are available: /)
      expect(allRenderings(error)).not.toContain("canary")
    })
  )

  it.scoped.each([
    ["roleArn", { roleArn: "reports" }],
    ["sessionName", { sessionName: "a b" }],
    ["externalId", { externalId: "a\nb" }],
    ["endpoint", { endpoint: "http://sts.test/" }]
  ] as const)("fails with InvalidRequest for a wrong %s", ([name, part]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(setUp(part, () => granted("A")))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
      expect(error.message).toContain(`\`${name}\``)
    })
  )
})
