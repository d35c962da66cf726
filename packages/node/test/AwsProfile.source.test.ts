import * as AwsProfile from "@countersign/node/AwsProfile"
import * as MockClient from "@countersign/testing/MockClient"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { inspect } from "node:util"

const granted = ({ body }: MockClient.Sent) => {
  const role = /role%2F(\w+)/.exec(body ?? "")?.[1] ?? ""
  return MockClient.respond(
    200,
    `<Credentials><AccessKeyId>ASIA${role}</AccessKeyId><SecretAccessKey>canary</SecretAccessKey>
    <SessionToken>canary</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>`
  )
}

/** The files, the source of a profile, and the requests to STS. */
const setUp = (config: string | undefined, credentials: string | undefined, profile: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const folder = yield* files.makeTempDirectoryScoped()
    const [path, configPath, token] = [`${folder}/credentials`, `${folder}/config`, `${folder}/token`]
    if (credentials !== undefined) yield* files.writeFileString(path, credentials)
    if (config !== undefined) yield* files.writeFileString(configPath, config.replace("TOKEN", token))
    yield* files.writeFileString(token, "canary-token\n")
    const { client, mock } = yield* MockClient.make(granted)
    const made = AwsProfile.source({ profile, path, configPath })
    const source = yield* Effect.provideService(made, HttpClient.HttpClient, client)
    return { source, mock, files, path }
  })

const key = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = canary-${id}\n`
const arn = (name: string) => `arn:aws:iam::123456789012:role/${name}`

const config = `[default]
region = eu-west-1
s3 =
  role_arn = ${arn("nested")}
[profile base]
region = eu-central-1
[profile one]
role_arn = ${arn("one")}
source_profile = base
region = eu-central-1
external_id = x-1
role_session_name = job
duration_seconds = 900
[profile two]
role_arn = ${arn("two")}
source_profile = one
[profile web]
role_arn = ${arn("web")}
web_identity_token_file = TOKEN
[profile own]
role_arn = ${arn("own")}
source_profile = own
${key("AKIDOWN")}
[profile split]
role_arn = ${arn("split")}
[profile left]
role_arn = ${arn("left")}
source_profile = right
[profile right]
role_arn = ${arn("right")}
source_profile = left
[profile alone]
role_arn = ${arn("alone")}
[profile missing]
role_arn = ${arn("missing")}
source_profile = none
[profile mfa]
role_arn = ${arn("mfa")}
source_profile = base
mfa_serial = canary
[profile process]
credential_process = canary
[profile empty]
[profile wrong]
role_arn = canary
source_profile = base
[profile short]
role_arn = ${arn("short")}
source_profile = base
duration_seconds = soon
`
const credentials = `[default]\n${key("AKIDDEFAULT")}[base]\n${key("AKIDBASE")}[split]\nsource_profile = base\n`

const keysOf = (sent: ReadonlyArray<MockClient.Sent>) =>
  sent.map(({ headers }) => /Credential=(\w+)/.exec(headers["authorization"] ?? "")?.[1])

describe("AwsProfile.source", () => {
  const live = (name: string, test: Effect.Effect<void, unknown, NodeContext.NodeContext | Scope.Scope>) =>
    it.live(name, () => Effect.scoped(test).pipe(Effect.provide(NodeContext.layer)))

  live(
    "reads an access key, and no settings of a service",
    Effect.gen(function* () {
      const { mock, source } = yield* setUp(config, credentials, "default")
      expect((yield* source.get).accessKeyId).toBe("AKIDDEFAULT")
      expect(yield* mock.sent).toHaveLength(0)
    })
  )

  live(
    "reads an access key of the configuration file, without the other file",
    Effect.gen(function* () {
      const { source } = yield* setUp(`[profile a]\n${key("AKIDA")}`, undefined, "a")
      expect((yield* source.get).accessKeyId).toBe("AKIDA")
    })
  )

  live(
    "assumes a role with the access key of another profile",
    Effect.gen(function* () {
      const { mock, source } = yield* setUp(config, credentials, "one")
      expect((yield* source.get).accessKeyId).toBe("ASIAone")
      const [sent] = yield* mock.sent
      expect(sent?.url).toBe("https://sts.eu-central-1.amazonaws.com/")
      expect(Object.fromEntries(new URLSearchParams(sent?.body))).toMatchObject({
        RoleArn: arn("one"),
        RoleSessionName: "job",
        ExternalId: "x-1",
        DurationSeconds: "900"
      })
    })
  )

  live(
    "assumes a role with the role of another profile, and one with its own access key",
    Effect.gen(function* () {
      const two = yield* setUp(config, credentials, "two")
      expect((yield* two.source.get).accessKeyId).toBe("ASIAtwo")
      expect(keysOf(yield* two.mock.sent)).toEqual(["AKIDBASE", "ASIAone"])
      const own = yield* setUp(config, credentials, "own")
      expect((yield* own.source.get).accessKeyId).toBe("ASIAown")
      expect(keysOf(yield* own.mock.sent)).toEqual(["AKIDOWN"])
    })
  )

  live(
    "reads the values of one profile from both files",
    Effect.gen(function* () {
      const { source } = yield* setUp(config, credentials, "split")
      expect((yield* source.get).accessKeyId).toBe("ASIAsplit")
    })
  )

  live(
    "exchanges the token in a file for a role",
    Effect.gen(function* () {
      const { mock, source } = yield* setUp(config, undefined, "web")
      expect((yield* source.get).accessKeyId).toBe("ASIAweb")
      expect(new URLSearchParams((yield* mock.sent)[0]?.body).get("WebIdentityToken")).toBe("canary-token")
    })
  )

  live(
    "reads the file again after the server rejects the access key",
    Effect.gen(function* () {
      const { files, path, source } = yield* setUp(undefined, `[default]\n${key("AKIDOLD")}`, "default")
      expect((yield* source.get).accessKeyId).toBe("AKIDOLD")
      yield* files.writeFileString(path, `[default]\n${key("AKIDNEW")}`)
      expect(yield* source.onRejected?.("AKIDOLD") ?? Effect.succeed(false)).toBe(true)
      expect((yield* source.get).accessKeyId).toBe("AKIDNEW")
    })
  )

  for (const [profile, reason, part] of [
    ["none", "Rejected", 'no profile "none"'],
    ["missing", "Rejected", 'no profile "none"'],
    ["left", "Rejected", 'a circle of `source_profile`: "left", "right", "left"'],
    ["alone", "InvalidResponse", "neither `source_profile` nor"],
    ["mfa", "InvalidResponse", "`mfa_serial`"],
    ["process", "InvalidResponse", "`credential_process`"],
    ["empty", "InvalidResponse", "`aws_access_key_id`"],
    ["wrong", "Options", "`roleArn`"],
    ["short", "Options", "`durationSeconds`"]
  ] as const) {
    live(
      `fails for the profile "${profile}", and shows no value`,
      Effect.gen(function* () {
        const error = yield* Effect.flip(setUp(config, credentials, profile))
        expect(error).toMatchObject({ reason })
        expect(error.message).toContain(part)
        expect(inspect(error, { depth: 9 })).not.toContain("canary")
      })
    )
  }

  live(
    "fails typed at the end of a chain of 5000 profiles",
    Effect.gen(function* () {
      const profileAt = (index: number) =>
        `[profile p${index}]\nrole_arn = ${arn("p")}\nsource_profile = p${index + 1}\n`
      const chain = Array.from({ length: 5000 }, (_, index) => profileAt(index)).join("")
      const error = yield* Effect.flip(setUp(chain, undefined, "p0"))
      expect(error.message).toContain('no profile "p5000"')
    })
  )

  live(
    "fails with Unavailable if both files are missing",
    Effect.gen(function* () {
      const error = yield* Effect.flip(setUp(undefined, undefined, "default"))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
    })
  )
})
