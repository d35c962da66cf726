import * as AwsProfile from "@countersign/node/AwsProfile"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"

const read = (text: string, profile?: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = `${yield* files.makeTempDirectoryScoped()}/credentials`
    yield* files.writeFileString(path, text)
    return yield* AwsProfile.read({ path, profile })
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const file = `# comment
; comment
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key=canary=/+default\r
[ reports ]  # a role
AWS_ACCESS_KEY_ID = AKIDOLD
aws_access_key_id = AKIDREPORTS
aws_secret_access_key = canary-reports
aws_session_token = canary-session
[other]
aws_access_key_id = AKIDOTHER
`

describe("AwsProfile.read", () => {
  it.effect("reads the profile with a name, and `default` without one", () =>
    Effect.gen(function* () {
      expect(yield* read(file)).toEqual({
        accessKeyId: "AKIDDEFAULT",
        secretAccessKey: Redacted.make("canary=/+default")
      })
      expect(yield* read(file, "reports")).toEqual({
        accessKeyId: "AKIDREPORTS",
        secretAccessKey: Redacted.make("canary-reports"),
        sessionToken: Redacted.make("canary-session")
      })
    })
  )

  it.effect.each<readonly [string, string, string, string]>([
    [file, "none", "Rejected", 'no profile "none"'],
    [file, "other", "InvalidResponse", "`aws_secret_access_key`"],
    ["[default]\naws_secret_access_key = canary", "default", "InvalidResponse", "`aws_access_key_id`"],
    ["aws_access_key_id = canary", "default", "Rejected", "no profile"],
    ["[default".repeat(200_000), "default", "InvalidResponse", "more than 1048576 bytes"]
  ])("fails with TokenError for the file %#, and shows no content", ([text, profile, reason, part]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read(text, profile))
      expect(error).toMatchObject({ _tag: "TokenError", reason })
      expect(error.message).toContain(part)
      expect(inspect(error, { depth: 9 })).not.toContain("canary")
    })
  )

  it.effect("fails with Unavailable for a missing file", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(AwsProfile.read({ path: "/nonexistent/credentials" }))
      expect(error).toMatchObject({ _tag: "TokenError", reason: "Unavailable" })
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
