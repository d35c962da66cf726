import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import { TokenError } from "@countersign/auth/Errors"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf, ok } from "./support/client.js"

const start = Date.UTC(2026, 0, 1)
const iso = (at: number) => new Date(at).toISOString()

/** A response of STS. */
const granted = (accessKeyId: string, expiresAt: number) =>
  `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Credentials>
      <SessionToken>canary+session/${accessKeyId}==</SessionToken>
      <SecretAccessKey>canary/secret+${accessKeyId}</SecretAccessKey>
      <Expiration>${iso(expiresAt)}</Expiration>
      <AccessKeyId>${accessKeyId}</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`

const refused = (status: number, code: string) =>
  MockClient.respond(
    status,
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>canary-token is bad</Message></Error></ErrorResponse>`
  )

const role = {
  roleArn: "arn:aws:iam::123456789012:role/reports",
  token: Effect.succeed(Redacted.make("canary-token\n"))
}

const withMock = <A, E, R>(script: MockClient.Script, make: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    const { client, mock } = yield* MockClient.make(script)
    return { source: yield* Effect.provideService(make, HttpClient.HttpClient, client), mock }
  })

const hour = 3_600_000
const sts = (_: MockClient.Sent, index: number) =>
  MockClient.respond(200, granted(`ASIA${index}`, start + (index + 1) * hour))

const rendersNoSecret = (error: unknown) => expect(allRenderings(error)).not.toContain("canary")

describe("AwsCredentials.config", () => {
  const read = (variables: Record<string, string>) =>
    Effect.withConfigProvider(
      Effect.either(AwsCredentials.config),
      ConfigProvider.fromMap(new Map(Object.entries(variables)))
    )

  it.effect("reads the variables of the environment", () =>
    Effect.gen(function* () {
      const key = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "secret" }
      expect(yield* read(key)).toMatchObject({
        right: { accessKeyId: "AKID", secretAccessKey: Redacted.make("secret") }
      })
      const temporary = yield* read({ ...key, AWS_SESSION_TOKEN: "token" })
      expect(temporary).toMatchObject({ right: { sessionToken: Redacted.make("token") } })
      expect(yield* read({ ...key, AWS_SESSION_TOKEN: "" })).not.toHaveProperty("right.sessionToken")
      expect(yield* read({ AWS_ACCESS_KEY_ID: "AKID" })).toMatchObject({ _tag: "Left" })
    })
  )
})

describe("AwsCredentials.webIdentity", () => {
  it.scoped("exchanges the token for credentials, without a redirect and with a size limit", () =>
    Effect.gen(function* () {
      const { mock, source } = yield* withMock(
        sts,
        AwsCredentials.webIdentity({ ...role, region: "eu-central-1", sessionName: "job-1", durationSeconds: 900 })
      )
      expect(yield* source.get).toEqual({
        accessKeyId: "ASIA0",
        secretAccessKey: Redacted.make("canary/secret+ASIA0"),
        sessionToken: Redacted.make("canary+session/ASIA0=="),
        expiresAt: start + hour
      })
      const [sent] = yield* mock.sent
      expect(sent).toMatchObject({ method: "POST", url: "https://sts.eu-central-1.amazonaws.com/" })
      expect(Object.fromEntries(new URLSearchParams(sent?.body))).toEqual({
        Action: "AssumeRoleWithWebIdentity",
        Version: "2011-06-15",
        RoleArn: role.roleArn,
        RoleSessionName: "job-1",
        WebIdentityToken: "canary-token",
        DurationSeconds: "900"
      })
    })
  )

  it.scoped.each([
    [undefined, "https://sts.amazonaws.com/"],
    ["cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/"]
  ])("sends to the STS of the region %s", ([region, url]) =>
    Effect.gen(function* () {
      const { mock, source } = yield* withMock(sts, AwsCredentials.webIdentity({ ...role, region }))
      yield* source.get
      expect((yield* mock.sent)[0]?.url).toBe(url)
    })
  )

  it.scoped("sends one request for 100 concurrent calls, and one more after the credentials have expired", () =>
    Effect.gen(function* () {
      const { mock, source } = yield* withMock(sts, AwsCredentials.webIdentity(role))
      const all = Effect.all(
        Array.from({ length: 100 }, () => source.get),
        { concurrency: "unbounded" }
      )
      expect(new Set((yield* all).map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(["ASIA0"]))
      expect(yield* mock.sent).toHaveLength(1)
      yield* TestClock.adjust("61 minutes")
      expect(new Set((yield* all).map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(["ASIA1"]))
      expect(yield* mock.sent).toHaveLength(2)
    })
  )

  it.scoped("replaces credentials in the background before they expire, and reads the token again", () =>
    Effect.gen(function* () {
      let reads = 0
      const token = Effect.sync(() => Redacted.make(`token-${reads++}`))
      const { mock, source } = yield* withMock(sts, AwsCredentials.webIdentity({ ...role, token }))
      yield* source.get
      yield* TestClock.adjust("58 minutes")
      expect((yield* source.get).accessKeyId).toBe("ASIA0")
      yield* TestClock.adjust("1 second")
      expect((yield* source.get).accessKeyId).toBe("ASIA1")
      expect((yield* mock.sent).map(({ body }) => new URLSearchParams(body).get("WebIdentityToken"))).toEqual([
        "token-0",
        "token-1"
      ])
    })
  )

  it.scoped("replaces credentials that a server rejects as expired, once for all requests with them", () =>
    Effect.gen(function* () {
      const { mock, source } = yield* withMock(sts, AwsCredentials.webIdentity(role))
      const script = ({ headers }: MockClient.Sent) =>
        headers["authorization"]?.includes("ASIA0/")
          ? MockClient.respond(403, "<Error><Code>ExpiredToken</Code></Error>")
          : ok
      const { api } = yield* clientOf(
        AwsSignature.make({ credentials: source, region: "eu-central-1", service: "s3" }),
        script
      )
      yield* Effect.all(
        Array.from({ length: 20 }, () => api.get("/")),
        { concurrency: "unbounded" }
      )
      expect(yield* mock.sent).toHaveLength(2)
      // A late rejection of the credentials that were replaced.
      expect(yield* source.onRejected?.("ASIA0") ?? Effect.succeed(false)).toBe(true)
      expect(yield* mock.sent).toHaveLength(2)
    })
  )

  it.scoped.each<readonly [string, MockClient.Step, Partial<TokenError>]>([
    [
      "ExpiredTokenException",
      refused(400, "ExpiredTokenException"),
      { reason: "Rejected", error: "ExpiredTokenException" }
    ],
    ["AccessDenied", refused(403, "AccessDenied"), { reason: "Rejected", error: "AccessDenied" }],
    ["an unknown code", refused(400, "canary canary"), { reason: "Rejected", error: undefined }],
    ["Throttling", refused(400, "Throttling"), { reason: "Unavailable" }],
    ["a 500", MockClient.respond(500, "canary-token"), { reason: "Unavailable" }],
    ["a redirect", MockClient.respond(307, "", { location: "https://evil.test/" }), { reason: "Rejected" }],
    ["a broken connection", MockClient.fail("ECONNRESET"), { reason: "Unavailable" }],
    ["an empty body", MockClient.respond(200, ""), { reason: "InvalidResponse" }],
    ["a response with another encoding", MockClient.respond(200, '{"canary":1}'), { reason: "InvalidResponse" }],
    ["expired credentials", MockClient.respond(200, granted("ASIA0", start - 1)), { reason: "InvalidResponse" }],
    [
      "credentials with a line break",
      MockClient.respond(200, granted("ASIA0\r\nx: canary", start + hour)),
      { reason: "InvalidResponse" }
    ],
    [
      "an element in the secret",
      MockClient.respond(200, granted("A", start + hour).replace("canary/secret", "<b>canary</b>")),
      { reason: "InvalidResponse" }
    ],
    [
      "no time of expiry",
      MockClient.respond(200, granted("ASIA0", start + hour).replace("<Expiration>", "<Expiration>x")),
      { reason: "InvalidResponse" }
    ],
    [
      "a response of more than 64 KiB",
      MockClient.respond(200, " ".repeat(70_000) + granted("ASIA0", start + hour)),
      { reason: "InvalidResponse" }
    ]
  ])("fails with TokenError for %s, and shows no secret", ([, step, expected]) =>
    Effect.gen(function* () {
      const { mock, source } = yield* withMock(() => step, AwsCredentials.webIdentity(role))
      const error = yield* Effect.flip(source.get)
      expect(error).toMatchObject({ _tag: "TokenError", ...expected })
      rendersNoSecret(error)
      expect(yield* mock.sent).toHaveLength(1)
      // A failed request is not repeated at once.
      yield* Effect.flip(source.get)
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.scoped("fails with the error of the token, and for an empty token without a request", () =>
    Effect.gen(function* () {
      const missing = new TokenError({ reason: "Unavailable", detail: "no file" })
      const failing = yield* withMock(sts, AwsCredentials.webIdentity({ ...role, token: Effect.fail(missing) }))
      expect(yield* Effect.flip(failing.source.get)).toMatchObject({ reason: "Unavailable", detail: "no file" })
      const token = Effect.succeed(Redacted.make("\n"))
      const empty = yield* withMock(sts, AwsCredentials.webIdentity({ ...role, token }))
      expect(yield* Effect.flip(empty.source.get)).toMatchObject({ reason: "Rejected" })
      expect(yield* empty.mock.sent).toHaveLength(0)
    })
  )

  it.scoped.each([
    ["roleArn", { roleArn: "reports" }],
    ["sessionName", { sessionName: "a b" }],
    ["region", { region: "evil.test/" }],
    ["endpoint", { endpoint: "http://sts.test/" }],
    ["durationSeconds", { durationSeconds: 60 }]
  ] as const)("fails with InvalidRequest for a wrong %s", ([name, part]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(withMock(sts, AwsCredentials.webIdentity({ ...role, ...part })))
      expect(error).toMatchObject({ _tag: "InvalidRequest", reason: "Options" })
      expect(error.message).toContain(`\`${name}\``)
    })
  )
})

const document = (accessKeyId: string, extra: object = {}) =>
  MockClient.respond(200, {
    AccessKeyId: accessKeyId,
    SecretAccessKey: "canary-secret",
    Token: "canary-session",
    Expiration: iso(start + 6 * hour),
    ...extra
  })

describe("AwsCredentials.container", () => {
  it.scoped.each<readonly [string, string]>([
    ["/v2/credentials/id", "http://169.254.170.2/v2/credentials/id"],
    ["http://169.254.170.23/v1/credentials", "http://169.254.170.23/v1/credentials"],
    ["https://credentials.test/", "https://credentials.test/"],
    ["http://[::1]:8080/x", "http://[::1]:8080/x"]
  ])("requests %s with the authorization", ([uri, url]) =>
    Effect.gen(function* () {
      const token = Effect.succeed(Redacted.make("canary-token\n"))
      const { mock, source } = yield* withMock(() => document("ASIA0"), AwsCredentials.container({ uri, token }))
      expect(yield* source.get).toMatchObject({ accessKeyId: "ASIA0", expiresAt: start + 6 * hour })
      expect((yield* mock.sent)[0]).toMatchObject({ method: "GET", url, headers: { authorization: "canary-token" } })
    })
  )

  it.scoped.each(["http://evil.test/", "", "file:///etc/passwd", "//evil.test/\u0000", "http://169.254.169.254/"])(
    "fails with InvalidRequest for the URI %j",
    (uri) =>
      Effect.gen(function* () {
        const made = withMock(() => document("ASIA0"), AwsCredentials.container({ uri }))
        const outcome = yield* Effect.either(made)
        // A path cannot lead to another host.
        if (uri.startsWith("/")) return
        expect(outcome).toMatchObject({ _tag: "Left", left: { _tag: "InvalidRequest", reason: "Options" } })
      })
  )

  it.scoped.each<readonly [string, MockClient.Step, Partial<TokenError>]>([
    [
      "a 400 with a code",
      MockClient.respond(400, { code: "NoRole", message: "canary" }),
      { reason: "Rejected", error: "NoRole" }
    ],
    ["a 503", MockClient.respond(503, "canary"), { reason: "Unavailable" }],
    ["text", MockClient.respond(200, "canary"), { reason: "InvalidResponse" }],
    ["a member of another type", document("ASIA0", { Token: { canary: 1 } }), { reason: "InvalidResponse" }]
  ])("fails with TokenError for %s, and shows no secret", ([, step, expected]) =>
    Effect.gen(function* () {
      const { source } = yield* withMock(() => step, AwsCredentials.container({ uri: "/x" }))
      const error = yield* Effect.flip(source.get)
      expect(error).toMatchObject({ _tag: "TokenError", ...expected })
      rendersNoSecret(error)
    })
  )
})

describe("AwsCredentials.instance", () => {
  const routes = ({ method, url }: MockClient.Sent): MockClient.Step =>
    method === "PUT"
      ? MockClient.respond(200, "canary-session")
      : url.endsWith("/security-credentials/")
        ? MockClient.respond(200, "my role\n".replace(" ", "-"))
        : document("ASIA0", { Code: "Success" })

  it.scoped("requests a session, the role, and its credentials", () =>
    Effect.gen(function* () {
      const { mock, source } = yield* withMock(routes, AwsCredentials.instance())
      expect(yield* source.get).toMatchObject({ accessKeyId: "ASIA0" })
      const base = "http://169.254.169.254/latest"
      expect(
        (yield* mock.sent).map(({ headers, method, url }) => [method, url, headers["x-aws-ec2-metadata-token"]])
      ).toEqual([
        ["PUT", `${base}/api/token`, undefined],
        ["GET", `${base}/meta-data/iam/security-credentials/`, "canary-session"],
        ["GET", `${base}/meta-data/iam/security-credentials/my-role`, "canary-session"]
      ])
    })
  )

  it.scoped.each<readonly [string, MockClient.Script, Partial<TokenError>]>([
    ["no server", () => MockClient.fail("ECONNRESET"), { reason: "Unavailable" }],
    ["a 403 for the session", () => MockClient.respond(403), { reason: "Rejected" }],
    ["a session of two lines", () => MockClient.respond(200, "canary\r\nx: y"), { reason: "InvalidResponse" }],
    ["no role", (sent) => (sent.method === "PUT" ? routes(sent) : MockClient.respond(404)), { reason: "Rejected" }],
    [
      "a failed role",
      (sent) => (sent.url.endsWith("my-role") ? MockClient.respond(200, { Code: "Failed" }) : routes(sent)),
      { reason: "Rejected", error: "Failed" }
    ]
  ])("fails with TokenError for %s, and shows no secret", ([, script, expected]) =>
    Effect.gen(function* () {
      const { source } = yield* withMock(script, AwsCredentials.instance())
      const error = yield* Effect.flip(source.get)
      expect(error).toMatchObject({ _tag: "TokenError", ...expected })
      rendersNoSecret(error)
    })
  )

  it.scoped("fails after two seconds if no server answers", () =>
    Effect.gen(function* () {
      const { source } = yield* withMock(() => MockClient.never, AwsCredentials.instance())
      const failed = yield* Effect.fork(Effect.flip(source.get))
      yield* TestClock.adjust("3 seconds")
      expect(yield* failed).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
    })
  )
})
